// The browser that the tests drive.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PLACES = [process.env.CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

/** Where Chromium is; null where there is none. */
export const CHROMIUM = PLACES.find((each) => each && existsSync(each)) ?? null;

/** Why browser tests cannot run here; false if they can. */
export const WHY_NOT = CHROMIUM === null && "not run: no Chromium here (apt-get install chromium, or set CHROMIUM)";

/** A name of this machine as other machines would reach it: pages there are not trusted as those of 127.0.0.1 are. */
export const ELSEWHERE = "phone.test";

/** What makes Chromium offer WebGPU without a GPU, computed in software. */
export const SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

/** Start it, without a window. */
export async function launch(...more: string[]): Promise<Browser> {
  const args = [
    ...more,
    "--no-sandbox", // in containers tests are often run as root, which Chromium's sandbox refuses
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`,
  ];
  return chromium.launch({ executablePath: CHROMIUM ?? undefined, args });
}
