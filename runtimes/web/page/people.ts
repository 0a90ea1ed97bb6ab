/** Finds people in pictures. */

import type { Grey, UnitName } from "../src/index.js";
import { Remote } from "../src/rpc.js";

/** Share of the picture under which nobody was found. */
const LEAST_SHARE = 0.01;

/** The model that finds people, loaded when it is first needed. */
export class People {
  private remote: Promise<Remote> | null = null;

  constructor(private readonly unit: UnitName) {}

  /** Load the model, so that it is there when it is needed. */
  ready(): Promise<Remote> {
    this.remote ??= this.start();
    this.remote.catch(() => (this.remote = null));
    return this.remote;
  }

  /**
   * Return where people are, 256 x 256 pixels; null if nobody is found.
   *
   * @param picture which is left as it is
   */
  async find(picture: ImageBitmap): Promise<Grey | null> {
    const remote = await this.ready();
    const copy = await createImageBitmap(picture);
    const mask = await remote.call<Grey>("find", copy, { transfer: [copy] });
    const share = mask.data.reduce((sum, each) => sum + each, 0) / (255 * mask.data.length);
    return share < LEAST_SHARE ? null : mask;
  }

  private async start(): Promise<Remote> {
    const at = (name: string): string => new URL(name, document.baseURI).href;
    const remote = new Remote(at("people_worker.js"));
    await remote.call("start", { unit: this.unit, wasm: at("wasm/"), file: at("people/selfie_multiclass_256x256.tflite") });
    return remote;
  }
}
