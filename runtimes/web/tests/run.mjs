// Bundles the tests of a folder, for Node runs no TypeScript, and hands them to Node's own test runner; benchmarks run bare.
//   node tests/run.mjs [unit|browser|bench] [part of a file's name] [pattern of a test's name]
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";

const [kind = "unit", part = "", name = ""] = process.argv.slice(2);
const out = `build/tests/${kind}`;
const suffix = kind === "bench" ? ".ts" : ".test.ts";
const sources = readdirSync(`tests/${kind}`).filter((name) => name.endsWith(suffix) && name.includes(part));
rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: sources.map((name) => `tests/${kind}/${name}`),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  sourcemap: "inline",
  logLevel: "warning",
});
const files = sources.map((name) => `${out}/${name.replace(/\.ts$/, ".mjs")}`);
const serial = kind === "browser" ? ["--test-concurrency=1"] : [];
const runner = kind === "bench" ? [] : ["--test", "--test-timeout=900000", ...serial, ...(name ? [`--test-name-pattern=${name}`] : [])];
const done = spawnSync(process.execPath, ["--enable-source-maps", ...runner, ...files], { stdio: "inherit" });
process.exit(done.status ?? 1);
