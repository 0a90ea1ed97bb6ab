// The library in a real browser: what it computes is what Python computes, and what is wrong does not pass.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { artifact, CAN_CONVERT } from "./artifacts.js";
import { CHROMIUM, launch } from "./chromium.js";
import { serve } from "./server.js";

const WHY_NOT = !CHROMIUM ? "not run: no Chromium here" : !CAN_CONVERT ? "not run: no .venv to convert with (make setup)" : false;
const BLANK: [string, string][] = [["/index.html", "<!doctype html><title>test</title>"]];

describe("Matter in Chromium", { skip: WHY_NOT }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  for (const name of ["minute_static", "minute_multi", "minute_dynamic", "minute_cutout"] as const) {
    test(`${name} gives within 1e-4 what Python gives`, async () => {
      const page = await open(name);
      const found = await page.evaluate(async (name) => {
        const { Matter } = await import(location.origin + "/pam-edge.js");
        const matter = await Matter.open("/model/", { units: name === "minute_multi" ? ["wasm_threads"] : ["wasm"] });
        const prepared = await matter.prepare();
        const files = await matter.deviceOutputs();
        matter.close();
        return { prepared, files: [...files].map(([file, data]: [string, Uint8Array]) => [file, Array.from(data)] as const) };
      }, name);
      assert.match(found.prepared.unit, /^wasm/);
      const names = readdirSync(`${artifact(name)}/golden`).filter((each) => each.endsWith(".f32"));
      assert.deepEqual(found.files.map(([file]) => file).sort(), names.sort());
      for (const [file, data] of found.files) {
        const expected = floats(readFileSync(`${artifact(name)}/golden/${file}`));
        const own = floats(Buffer.from(data));
        const limit = file.includes("foreground") ? 255 : 1e-4; // straight colours say nothing where alpha is 0
        assert.ok(worst(own, expected) <= limit, `${file}: ${worst(own, expected)}`);
      }
    });
  }

  /** Return a blank page of a server that has the library and an artifact, with files put in the place of others. */
  async function open(name: Parameters<typeof artifact>[0], instead: [string, Uint8Array | string | null][] = []): Promise<Page> {
    const served = await serve({ folders: { "/": "dist", "/model/": artifact(name) }, instead: new Map([...BLANK, ...instead]) });
    const page = await browser.newPage();
    page.on("close", served.close);
    await page.goto(served.address);
    return page;
  }
});

function floats(data: Buffer): Float32Array {
  return new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
}

function worst(own: Float32Array, expected: Float32Array): number {
  assert.equal(own.length, expected.length);
  return own.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
}
