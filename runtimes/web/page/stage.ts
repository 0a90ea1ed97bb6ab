/** The picture on the page. */

import type { Cutout } from "../src/index.js";
import type { Background } from "./background.js";
import { element, show } from "./dom.js";

/** Longer side of what is drawn, in pixels: drawing more would hold the page up. */
const SIDE = 1600;

/** Draws the picture, or its cut-out before a background. */
export class Stage {
  private readonly canvas = element<HTMLCanvasElement>("shown");
  private readonly context = this.canvas.getContext("2d")!;
  private layer: ImageBitmap | null = null;
  private isCut = false;

  constructor(private readonly background: Background) {}

  /** Make room for a picture. */
  open(width: number, height: number): void {
    const scale = Math.min(1, SIDE / Math.max(width, height));
    this.canvas.width = Math.max(1, Math.round(width * scale));
    this.canvas.height = Math.max(1, Math.round(height * scale));
    show(false, "empty");
    show(true, "frame");
  }

  /** Draw the picture as it is. */
  async showPicture(picture: ImageBitmap): Promise<void> {
    await this.put(picture, false, "Picture");
  }

  /** Draw a cut-out. */
  async showCutout(cutout: Cutout): Promise<void> {
    await this.put(cutout.image, true, "Cut-out");
  }

  /** Draw again what is there, before another background. */
  draw(): void {
    const { width, height } = this.canvas;
    if (this.isCut) this.background.draw(this.context, width, height);
    else this.context.clearRect(0, 0, width, height);
    if (this.layer) this.context.drawImage(this.layer, 0, 0, width, height);
  }

  private async put(source: ImageBitmapSource, isCut: boolean, label: string): Promise<void> {
    const { width, height } = this.canvas;
    const layer = await createImageBitmap(source, { resizeWidth: width, resizeHeight: height, resizeQuality: "medium" });
    this.layer?.close();
    this.layer = layer;
    this.isCut = isCut;
    this.canvas.setAttribute("aria-label", label);
    this.draw();
  }
}
