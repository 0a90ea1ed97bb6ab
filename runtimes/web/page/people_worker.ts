/** Finds people: MediaPipe's selfie segmentation, in a worker of its own. */

import { UnitError } from "../src/errors.js";
import type { Grey } from "../src/raster.js";
import { answer } from "../src/rpc.js";
import { type Loaded, litert } from "../src/runner.js";
import type { UnitName } from "../src/units.js";

const SIDE = 256;
const CLASSES = 6;

/** Shares of person between which the mask is soft: outside, the segmentation is taken at its word, and its edge is not. */
const CLEAR_TO = 0.35;
const SOLID_FROM = 0.65;

let model: Loaded | null = null;

answer({
  async start({ unit, wasm, file }: { unit: UnitName; wasm: string; file: string }): Promise<void> {
    await litert.start(unit, wasm);
    const response = await fetch(file);
    if (!response.ok) throw new UnitError("Expected the model that finds people; it is not there. Paint the subject instead.");
    model = await litert.load(unit, new Uint8Array(await response.arrayBuffer()));
  },

  /** Return where people are: a mask of 256 x 256, whatever the picture's shape. */
  async find(picture: ImageBitmap): Promise<Grey> {
    if (!model) throw new Error("the worker is used before it was started");
    const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true })!;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, SIDE, SIDE);
    picture.close();
    const { data: pixels } = context.getImageData(0, 0, SIDE, SIDE);
    const image = new Float32Array(3 * SIDE * SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) for (let c = 0; c < 3; c++) image[3 * i + c] = pixels[4 * i + c] / 255;
    const inputs = { [model.inputs[0]]: { data: image, shape: [1, SIDE, SIDE, 3] } };
    const [scores] = Object.values(await model.run(model.signatures[0], inputs));
    return { width: SIDE, height: SIDE, data: Uint8Array.from({ length: SIDE * SIDE }, (_, i) => grey(1 - background(scores, i))) };
  },
});

function grey(person: number): number {
  return 255 * Math.min(1, Math.max(0, (person - CLEAR_TO) / (SOLID_FROM - CLEAR_TO)));
}

/** Return the share of the first class, which is background, in one pixel. */
function background(scores: Float32Array, pixel: number): number {
  const own = scores.subarray(pixel * CLASSES, (pixel + 1) * CLASSES);
  const most = Math.max(...own);
  const weights = Array.from(own, (score) => Math.exp(score - most));
  return weights[0] / weights.reduce((sum, each) => sum + each, 0);
}
