// Bundles the tests of a folder, for Node runs no TypeScript, and hands them to Node's own test runner.
//   node tests/run.mjs [unit|browser] [part of a file's name] [pattern of a test's name]
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";

const [kind = "unit", part = "", name = ""] = process.argv.slice(2);
const out = `build/tests/${kind}`;
const tests = readdirSync(`tests/${kind}`).filter((name) => name.endsWith(".test.ts") && name.includes(part));
rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: tests.map((name) => `tests/${kind}/${name}`),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  sourcemap: "inline",
  logLevel: "warning",
});
const files = tests.map((name) => `${out}/${name.replace(/\.ts$/, ".mjs")}`);
const serial = kind === "browser" ? ["--test-concurrency=1"] : [];
const done = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-timeout=900000", ...serial, ...(name ? [`--test-name-pattern=${name}`] : []), ...files], { stdio: "inherit" });
process.exit(done.status ?? 1);
