// Compiles the library and the command line into dist/, with the generated codec, which is JavaScript already.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

rmSync(join(root, "dist"), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

const generated = join("src", "onnx", "generated");
for (const file of existsSync(join(root, generated)) ? readdirSync(join(root, generated)) : []) {
  if (file.endsWith(".js")) cpSync(join(root, generated, file), join(root, "dist", generated, file));
}
chmodSync(join(root, "dist", "cli.js"), 0o755);
