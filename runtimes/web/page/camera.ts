/** The camera, frame by frame. */

import { UsageError } from "../src/index.js";

/** A camera that is on. */
export class Camera {
  private constructor(
    private readonly stream: MediaStream,
    private readonly video: HTMLVideoElement,
  ) {}

  /**
   * Switch the camera on.
   *
   * @throws UsageError if there is none, or the page may not use it
   */
  static async open(): Promise<Camera> {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new UsageError(
        "Expected a page that may use the camera; browsers give it over HTTPS and on this machine only. Open a picture instead.",
      );
    }
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 960 } }, audio: false });
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      const why = { NotAllowedError: "it was refused", NotFoundError: "there is none", NotReadableError: "another program uses it" }[name];
      throw new UsageError(`Expected a camera; ${why ?? "it does not start"}. Allow it in the browser's settings, or open a picture instead.`);
    }
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    await video.play();
    return new Camera(stream, video);
  }

  /** Return the picture of now, of a shape: the middle of what the camera sees. */
  async frame(width: number, height: number): Promise<ImageBitmap> {
    const scale = Math.min(this.video.videoWidth / width, this.video.videoHeight / height);
    const [w, h] = [width * scale, height * scale];
    const [x, y] = [(this.video.videoWidth - w) / 2, (this.video.videoHeight - h) / 2];
    return createImageBitmap(this.video, x, y, w, h, { resizeWidth: width, resizeHeight: height, resizeQuality: "medium" });
  }

  /** Switch it off. */
  close(): void {
    for (const track of this.stream.getTracks()) track.stop();
  }
}
