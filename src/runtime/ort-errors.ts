import { ConvoptError, ModelError, UnsupportedError, type ErrorPlace } from "../ir/index.js";

const nodePatterns: readonly RegExp[] = [
  /Name: ?'([^']*)'/,
  /node with name '([^']*)'/,
  /same node name \((.*)\)\./,
  /In Node, \("([^"]*)"/,
  /Node ?\(([^()]+(?:\([^()]*\))?[^()]*)\)/,
  /Node:\s?([^\s]+)/,
];
const opPatterns: readonly RegExp[] = [
  /running (\w+) node/,
  /Op \((\w+)\)/,
  /implementation for (\w+)\(/,
  /In Node, \("[^"]*", (\w+),/,
  /Fatal error: (?:\S+:)?(\w+)\(/,
];

/** ONNX Runtime's message in one line: no status prefix, no source files of its build, nothing that can't be printed. */
export function cleanOrtMessage(message: string): string {
  return message
    .replace(/\[ONNXRuntimeError\] ?: ?-?\d+ ?: ?[A-Z_]+ ?: ?/g, "")
    .replace(/(?:[A-Za-z]:)?[/\\]\S*?\.(?:cc|h|cpp)(?::\d+)?\s?/g, "")
    .replace(/(?:[\w:<>*&~ ]+::[\w:<>*&~ ]+)\([^()]*(?:\([^()]*\)[^()]*)*\)(?: const)?(?: \[[^\]]*\])? /g, "")
    .replace(/Load model from [^ ]* failed: ?/g, "")
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .slice(0, 500);
}

/** What ONNX Runtime threw as an error of ours that names the node if the message does. */
export function ortError(error: unknown, place: ErrorPlace = {}): ConvoptError {
  if (error instanceof ConvoptError) return error;
  const raw = error instanceof Error ? error.message : String(error);
  const message = cleanOrtMessage(raw);
  const node = firstMatch(raw, nodePatterns);
  const op = firstMatch(raw, opPatterns);
  const where = { ...place, ...(node === undefined ? {} : { node }), ...(op === undefined ? {} : { op }) };
  const details = { where, cause: error };
  const what = `ONNX Runtime: ${message === "" ? "unknown error" : message}`;
  // A file without operator-set imports is read here, with the operator set deduced from its nodes.
  const unsupported =
    /NOT_IMPLEMENTED|not a registered function|Could not find an implementation|unsupported data type|not supported|Missing opset|Unsupported model IR version/i;
  if (unsupported.test(raw)) return new UnsupportedError("E_RUNTIME_UNSUPPORTED", what, details);
  return new ModelError("E_RUNTIME", what, details);
}

function firstMatch(message: string, patterns: readonly RegExp[]): string | undefined {
  for (const pattern of patterns) {
    const found = pattern.exec(message)?.[1]?.trim();
    if (found !== undefined && found !== "") return found;
  }
  return undefined;
}
