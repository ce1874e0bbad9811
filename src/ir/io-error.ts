import { ConvoptError, IoError } from "./errors.js";

interface Cause {
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
}

const missing = { code: "E_IO_NOT_FOUND", hint: "check the path" };
const denied = { code: "E_IO_DENIED", hint: "choose a place that you may use" };
const full = { code: "E_IO_FULL", hint: "free some space or choose another place" };

const causes: Readonly<Record<string, Cause>> = {
  ENOENT: { ...missing, reason: "there is no such file or folder" },
  ENOTDIR: { ...missing, reason: "a part of the path is no folder" },
  EACCES: { ...denied, reason: "permission is denied" },
  EPERM: { ...denied, reason: "permission is denied" },
  EROFS: { ...denied, reason: "the file system is read-only" },
  ENOSPC: { ...full, reason: "no space is left on the device" },
  EDQUOT: { ...full, reason: "the disk quota is used up" },
  EFBIG: { ...full, reason: "the file would become larger than the system allows" },
  EISDIR: { code: "E_IO_DIRECTORY", reason: "it is a folder", hint: "name a file" },
  EMFILE: { code: "E_IO_LIMIT", reason: "too many files are open", hint: "raise the limit (ulimit -n)" },
  ENAMETOOLONG: { code: "E_IO_NAME", reason: "its name is too long", hint: "choose a shorter one" },
  ELOOP: {
    code: "E_IO_LINK",
    reason: "the path leads through a symbolic link",
    hint: "name the file itself",
  },
  EPIPE: { code: "E_IO_CLOSED", reason: "the reader closed the pipe", hint: "read to the end" },
};

/** What can't be done with a file. */
export type FileFault = "cannot be read" | "cannot be written" | `cannot be ${string}`;

/** A failed system call as IoError with the path ("-" is a standard stream); convopt's own errors pass through. */
export function ioError(error: unknown, file: string, fault: FileFault): ConvoptError {
  if (error instanceof ConvoptError) return error;
  const system = error instanceof Error && "code" in error ? String(error.code) : "";
  const text = error instanceof Error ? error.message.split("\n")[0]! : String(error);
  const { code, reason, hint } = causes[system] ?? { code: "E_IO", reason: system || text, hint: null };
  const stream = fault === "cannot be read" ? "standard input" : "standard output";
  return new IoError(code, `${file === "-" ? stream : "the file"} ${fault}: ${reason}`, {
    ...(file === "-" ? {} : { where: { file } }),
    ...(hint === null ? {} : { hint }),
    cause: error,
  });
}
