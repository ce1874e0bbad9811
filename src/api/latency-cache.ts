import { ioError } from "../ir/index.js";
import type { LatencyStore } from "../latency/index.js";

/*
 * Measured times, kept from one run to the next: a file of JSON lines that is only ever appended to, one whole line a
 * write, so that a process may be killed at any point and several may write at once. A torn line is skipped.
 */

/** A bigger file is started anew. */
const mostBytes = 2 ** 26;

interface Line {
  readonly scope: string;
  readonly key: string;
  readonly value: unknown;
}

/** Where the cache lies when nobody names a place. */
export async function defaultLatencyCache(): Promise<string> {
  const { homedir, platform } = await import("node:os");
  const { join } = await import("node:path");
  const folders: Partial<Record<NodeJS.Platform, readonly string[]>> = {
    darwin: ["Library", "Caches"],
    win32: ["AppData", "Local"],
  };
  return join(homedir(), ...(folders[platform()] ?? [".cache"]), "convopt", "latency.jsonl");
}

/**
 * The store in a file, for one scope: a machine, a runtime and its threads. A file that can't be read or written is a
 * warning, and nothing is kept.
 */
export async function openLatencyCache(
  path: string,
  scope: string,
  onWarning?: (text: string) => void,
): Promise<LatencyStore> {
  const fs = await import("node:fs");
  const { dirname } = await import("node:path");
  const values = new Map<string, unknown>();
  let [writable, whole] = [true, true];
  const giveUp = (cause: unknown): void => {
    writable = false;
    onWarning?.(
      `${ioError(cause, path, "cannot be used to keep latencies").message}: they are measured anew`,
    );
  };
  try {
    fs.mkdirSync(dirname(path), { recursive: true });
    const size = fs.existsSync(path) ? fs.statSync(path).size : 0;
    if (size > mostBytes) fs.rmSync(path);
    const text = size > 0 && size <= mostBytes ? fs.readFileSync(path, "utf8") : "";
    whole = text === "" || text.endsWith("\n");
    for (const raw of text.split("\n")) {
      const line = parseLine(raw);
      if (line?.scope === scope) values.set(line.key, line.value);
    }
  } catch (cause) {
    giveUp(cause);
  }
  return {
    read: (key) => values.get(key),
    write(key, value) {
      values.set(key, value);
      if (!writable) return;
      try {
        fs.appendFileSync(path, `${whole ? "" : "\n"}${JSON.stringify({ scope, key, value })}\n`);
        whole = true;
      } catch (cause) {
        giveUp(cause);
      }
    },
  };
}

function parseLine(raw: string): Line | null {
  try {
    const line: unknown = JSON.parse(raw);
    if (typeof line !== "object" || line === null) return null;
    const { scope, key, value } = line as Record<string, unknown>;
    return typeof scope === "string" && typeof key === "string" ? { scope, key, value } : null;
  } catch {
    return null;
  }
}
