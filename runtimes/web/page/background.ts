/** What is behind the cut-out. */

import type { Cutout } from "../src/index.js";
import { decode } from "../src/index.js";
import { chosen, element, fail, onChoice, show } from "./dom.js";

/** Lets a person choose a background, and draws it. */
export class Background {
  private picture: ImageBitmap | null = null;
  /** The picture that was cut out. */
  before: ImageBitmap | null = null;

  /** @param onChange called when another is chosen */
  constructor(onChange: () => void) {
    const file = element<HTMLInputElement>("background-file");
    onChoice("background", (value) => {
      show(value === "colour", "colour");
      show(value === "picture", "background-file");
      onChange();
    });
    element("colour").addEventListener("input", onChange);
    file.addEventListener("change", async () => {
      try {
        if (file.files?.[0]) this.picture = await decode(file.files[0]);
        onChange();
      } catch (error) {
        fail(error);
      }
    });
  }

  /** Whether the cut-out stays transparent. */
  get isNone(): boolean {
    return this.layer === null;
  }

  /** Draw it over the whole of a canvas. */
  draw(context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D, width: number, height: number): void {
    const { layer } = this;
    context.clearRect(0, 0, width, height);
    if (typeof layer === "string") {
      context.fillStyle = layer;
      context.fillRect(0, 0, width, height);
    } else if (layer) {
      const scale = Math.max(width / layer.width, height / layer.height);
      const [w, h] = [layer.width * scale, layer.height * scale];
      context.drawImage(layer, (width - w) / 2, (height - h) / 2, w, h);
    }
  }

  /** Return a cut-out before it, as PNG. */
  async compose(cutout: Cutout): Promise<Blob> {
    const { width, height } = cutout;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d")!;
    this.draw(context, width, height);
    context.drawImage(await createImageBitmap(cutout.image), 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }

  private get layer(): string | ImageBitmap | null {
    const kind = chosen("background");
    if (kind === "colour") return element<HTMLInputElement>("colour").value;
    if (kind === "picture") return this.picture;
    if (kind === "before") return this.before;
    return kind === "none" ? null : kind;
  }
}
