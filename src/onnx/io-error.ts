import { ConvoptError, IoError } from "../ir/index.js";

const explanations: Readonly<Record<string, readonly [code: string, what: string]>> = {
  ENOENT: ["E_IO_NOT_FOUND", "there is no such file or folder"],
  ENOTDIR: ["E_IO_NOT_FOUND", "a part of the path is no folder"],
  EACCES: ["E_IO_DENIED", "access is denied"],
  EPERM: ["E_IO_DENIED", "the operation is not permitted"],
  EROFS: ["E_IO_DENIED", "the file system is read-only"],
  EISDIR: ["E_IO_DIRECTORY", "the path is a folder"],
  ENOSPC: ["E_IO_FULL", "no space is left on the device"],
  EDQUOT: ["E_IO_FULL", "the disk quota is used up"],
  EFBIG: ["E_IO_FULL", "the file would become larger than the system allows"],
  EMFILE: ["E_IO_LIMIT", "too many files are open"],
  ENAMETOOLONG: ["E_IO_NAME", "the name is too long"],
  ELOOP: ["E_IO_LINK", "the path leads through a symbolic link"],
  EPIPE: ["E_IO_CLOSED", "the reader closed the pipe"],
};

/** A failed system call as IoError with the path; convopt's own errors pass through. */
export function ioError(error: unknown, file: string, doing: "read" | "write"): ConvoptError {
  if (error instanceof ConvoptError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const [name, what] = explanations[code] ?? [
    "E_IO",
    `the system says ${code === "" ? String(error) : code}`,
  ];
  const stream = doing === "read" ? "read standard input" : "write to standard output";
  const act = file === "-" ? stream : `${doing} the file`;
  return new IoError(name, `cannot ${act}: ${what}`, { where: { file }, cause: error });
}
