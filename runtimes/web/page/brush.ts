/** A mask painted by hand, with pointer or keyboard. */

import type { Grey } from "../src/index.js";
import { chosen, element } from "./dom.js";

/** Longer side of what is painted on, in pixels: a rough mask needs no more. */
const SIDE = 512;

/** rgb(31 190 120), opaque, as four bytes in memory. */
const PAINT = 0xff78be1f;

const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The layer over the picture on which the subject is painted. */
export class Brush {
  private readonly canvas = element<HTMLCanvasElement>("paint");
  private readonly context = this.canvas.getContext("2d", { willReadFrequently: true })!;
  private readonly ring = element("ring");
  private at: { x: number; y: number } | null = null;

  /** @param onStroke called when a stroke ends */
  constructor(private readonly onStroke: () => void) {
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "Paint over the subject: arrows move the brush, with shift they paint, space dabs, delete takes away");
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    this.canvas.addEventListener("pointerup", () => this.end());
    this.canvas.addEventListener("keydown", (event) => this.type(event));
    this.canvas.addEventListener("blur", () => (this.ring.hidden = true));
  }

  /** Begin with a picture's shape, and with nothing painted. */
  reset(width: number, height: number): void {
    const scale = SIDE / Math.max(width, height);
    this.canvas.width = Math.max(1, Math.round(width * scale));
    this.canvas.height = Math.max(1, Math.round(height * scale));
    this.at = null;
  }

  /** Take everything away. */
  clear(): void {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Begin with a mask that was found. */
  fill(mask: Grey): void {
    const image = new ImageData(mask.width, mask.height);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) if (mask.data[i] >= 128) pixels[i] = PAINT;
    const layer = new OffscreenCanvas(mask.width, mask.height);
    layer.getContext("2d")!.putImageData(image, 0, 0);
    this.clear();
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(layer, 0, 0, this.canvas.width, this.canvas.height);
  }

  /** Return what is painted; null if that is nothing. */
  mask(): Grey | null {
    const { width, height } = this.canvas;
    const { data } = this.context.getImageData(0, 0, width, height);
    const mask = new Uint8Array(width * height);
    for (let i = 0; i < mask.length; i++) mask[i] = data[4 * i + 3] >= 128 ? 255 : 0;
    return mask.includes(255) ? { width, height, data: mask } : null;
  }

  private get size(): number {
    return Number(element<HTMLInputElement>("brush-size").value);
  }

  private place(event: PointerEvent): { x: number; y: number } {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * this.canvas.width, y: ((event.clientY - box.top) / box.height) * this.canvas.height };
  }

  private begin(event: PointerEvent): void {
    this.canvas.setPointerCapture(event.pointerId);
    this.at = this.place(event);
    this.stroke(this.at, this.at, chosen("brush") === "subject");
  }

  private move(event: PointerEvent): void {
    if (!this.canvas.hasPointerCapture(event.pointerId) || !this.at) return;
    const next = this.place(event);
    this.stroke(this.at, next, chosen("brush") === "subject");
    this.at = next;
  }

  private end(): void {
    this.onStroke();
  }

  private type(event: KeyboardEvent): void {
    const from = this.at ?? { x: this.canvas.width / 2, y: this.canvas.height / 2 };
    const step = this.size / 2;
    if (event.key in ARROWS) {
      const [x, y] = ARROWS[event.key];
      this.at = {
        x: Math.min(this.canvas.width, Math.max(0, from.x + x * step)),
        y: Math.min(this.canvas.height, Math.max(0, from.y + y * step)),
      };
      if (event.shiftKey) this.stroke(from, this.at, chosen("brush") === "subject");
    } else if (event.key === " " || event.key === "Delete") {
      this.at = from;
      this.stroke(from, from, event.key === " " && chosen("brush") === "subject");
      this.onStroke();
    } else {
      return;
    }
    event.preventDefault();
    this.showRing(this.at);
    this.canvas.setAttribute("aria-description", `Brush at ${percent(this.at.x, this.canvas.width)} from the left, ${percent(this.at.y, this.canvas.height)} from the top`);
  }

  /** Show where the brush is, which a pointer shows by itself. */
  private showRing({ x, y }: { x: number; y: number }): void {
    const { style } = this.ring;
    style.left = `${(100 * (x - this.size / 2)) / this.canvas.width}%`;
    style.top = `${(100 * (y - this.size / 2)) / this.canvas.height}%`;
    style.width = `${(100 * this.size) / this.canvas.width}%`;
    style.height = `${(100 * this.size) / this.canvas.height}%`;
    this.ring.hidden = false;
  }

  private stroke(from: { x: number; y: number }, to: { x: number; y: number }, isSubject: boolean): void {
    const { context } = this;
    context.globalCompositeOperation = isSubject ? "source-over" : "destination-out";
    context.strokeStyle = "rgb(31 190 120)";
    context.lineWidth = this.size;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y + 0.01);
    context.stroke();
    context.globalCompositeOperation = "source-over";
  }
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}
