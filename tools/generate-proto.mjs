// Compiles src/onnx/onnx.proto into static ESM readers and writers: src/onnx/generated/onnx.js and onnx.d.ts.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = process.argv[2] ?? join(root, "src", "onnx", "generated");
const cli = dirname(createRequire(import.meta.url).resolve("protobufjs-cli/package.json"));
const scratch = mkdtempSync(join(tmpdir(), "convopt-proto-"));

function pbjs(target, ...options) {
  const args = [
    join(cli, "bin", "pbjs"),
    ...["-t", "static-module", "-w", "es6", "-r", "convopt-onnx", "--keep-case", "--force-long"],
    ...["--no-create", "--no-verify", "--no-convert", "--no-delimited", "--no-typeurl", "--no-service"],
    ...options,
    ...["-o", join(scratch, target), join(root, "src", "onnx", "onnx.proto")],
  ];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`pbjs failed (${status})`);
}

const header =
  "// Generated from onnx.proto by tools/generate-proto.mjs; change the schema, then `npm run generate:proto`.\n";
try {
  pbjs("onnx.js", "--no-comments");
  // The declarations come from the commented form of the same code.
  pbjs("typed.js", "--dts");
  // proto2 readers replace bytes that are not UTF-8 silently, which would change names; strict ones refuse them.
  const code = readFileSync(join(scratch, "onnx.js"), "utf8").replaceAll(
    /\b([a-z]+)\.string\(\)/g,
    "$1.stringVerify()",
  );
  if (!code.includes(".stringVerify()")) throw new Error("the generated reader no longer calls string()");
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "onnx.js"), header + code);
  writeFileSync(join(out, "onnx.d.ts"), header + readFileSync(join(scratch, "typed.d.ts"), "utf8"));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
