import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runConformance } from "../../tools/conformance.js";
import { sharedFolder } from "./shared-models.js";

/** Cases that pass; this number only goes up. */
const passing = 998;

const directory = join(sharedFolder, "conformance");

test.skipIf(!existsSync(directory))(`at least ${passing} ONNX backend cases pass`, () => {
  const { passed, failed } = runConformance(directory);
  const report = failed.map(({ case: name, op, reason }) => `${name} (${op}): ${reason}`).join("\n");
  expect(passed, report).toBeGreaterThanOrEqual(passing);
});
