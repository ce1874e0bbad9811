import { describe, expect, it } from "vitest";
import { ioError, IoError, ModelError } from "../../src/ir/index.js";

describe("a failed system call", () => {
  it.each([
    ["ENOENT", "E_IO_NOT_FOUND"],
    ["EACCES", "E_IO_DENIED"],
    ["ENOSPC", "E_IO_FULL"],
    ["EISDIR", "E_IO_DIRECTORY"],
    ["EMFILE", "E_IO_LIMIT"],
  ])("%s says what, where and what to do next", (system, code) => {
    const cause = Object.assign(new Error(`${system}: as the system says it`), { code: system });
    const error = ioError(cause, "a/b.onnx", "cannot be read");
    expect(error).toBeInstanceOf(IoError);
    expect([error.code, error.exitCode, error.where.file, error.cause]).toEqual([code, 4, "a/b.onnx", cause]);
    expect(error.message).toMatch(/^the file cannot be read: .+ \(a\/b\.onnx\); .+/);
    expect(error.message).not.toContain("as the system says it");
  });

  it("names standard streams, and what the system says of what nobody foresaw", () => {
    const unforeseen = Object.assign(new Error("EXYZ"), { code: "EXYZ" });
    expect(ioError(unforeseen, "-", "cannot be written").message).toBe(
      "standard output cannot be written: EXYZ",
    );
    expect(ioError(new Error("broken\nmore"), "-", "cannot be read").message).toBe(
      "standard input cannot be read: broken",
    );
    const own = new ModelError("E_DATA_VALUE", "not a number");
    expect(ioError(own, "x", "cannot be read")).toBe(own);
    expect(own.hint).toBeTruthy();
  });
});
