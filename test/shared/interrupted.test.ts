import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root, scratchFolder } from "../cli/invoke.js";
import { sharedFolder, sharedHere, sharedModel } from "./shared-models.js";

const folder = scratchFolder();
const data = (name: string): string => join(sharedFolder, "data", name);

/** Runs the built program, whose fits have threads, and sends SIGTERM when `step` shows in its progress. */
function interruptedAt(step: string): Promise<{ code: number | null; stderr: string; waitedMs: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [
        ...[join(root, "dist", "cli.js"), "optimize", sharedModel("resnet20"), join(folder, "out.onnx")],
        ...["--calib", data("cifar10-calib.npz"), "--preprocess", data("cifar10.preprocess.json")],
        ...["--keep-macs", "0.5", "--executor", "threads", "--threads", "2"],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let [stderr, killed] = ["", 0];
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      if (killed > 0 || !stderr.includes(step)) return;
      killed = performance.now();
      child.kill("SIGTERM");
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stderr, waitedMs: performance.now() - killed }));
  });
}

describe.runIf(sharedHere)("a search that is interrupted", () => {
  it.each(["calibration", "candidates"])(
    "ends and can be resumed, during %s",
    async (step) => {
      const { code, stderr, waitedMs } = await interruptedAt(step);
      expect(stderr).toContain("error[E_INTERRUPTED]");
      expect(code).toBe(130);
      // The fit that a thread is at may be finished; nothing keeps the program alive behind it.
      expect(waitedMs).toBeLessThan(60_000);
    },
    180_000,
  );
});
