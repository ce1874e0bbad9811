// Compiles the library into dist/src and the command line into the one file dist/cli.js, which starts without reading
// hundreds of modules; the threads that it fits in have theirs beside it. The generated codec is JavaScript already and is copied.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

const generated = join("src", "onnx", "generated");
for (const file of existsSync(join(root, generated)) ? readdirSync(join(root, generated)) : []) {
  if (/\.(js|d\.ts)$/.test(file)) cpSync(join(root, generated, file), join(dist, generated, file));
}

// Zod is inlined, because its many modules would be a third of the start; its licence goes with it.
const inlined = "zod";
const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);
const external = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }).filter(
  (name) => name !== inlined,
);
await build({
  entryPoints: { cli: join(dist, "cli.js"), "fit-thread": join(dist, "src", "api", "fit-thread.js") },
  outdir: dist,
  allowOverwrite: true,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  external,
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: "warning",
});
// The library does not have the command line; what it exports is declared beside the modules.
rmSync(join(dist, "src", "cli"), { recursive: true });
rmSync(join(dist, "cli.d.ts"));
cpSync(join(root, "node_modules", inlined, "LICENSE"), join(dist, `LICENSE.${inlined}`));
chmodSync(join(dist, "cli.js"), 0o755);
