import { existsSync } from "node:fs";
import { readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "../index.js";
import { defaultConfig } from "./config.js";

/** What a file is to the command, as its user calls it, and its path where it is given. */
export type FileRole = readonly [role: string, path: string | undefined];

/** Options that are read wherever a command has them. */
const readOptions = ["calib", "data", "labels", "preprocess", "profile"] as const;

type ReadFlags = Readonly<Partial<Record<(typeof readOptions)[number] | "config", string>>>;

export interface Places {
  readonly reads: readonly FileRole[];
  readonly writes: readonly FileRole[];
  /** The first file written may be the first one read. */
  readonly inPlace?: boolean;
}

/**
 * Throws a UsageError where a file to be written is one that is read or one that is written too. Links and other ways
 * to spell a path don't hide it; devices and standard streams may serve several times.
 */
export async function checkSeparateFiles(
  flags: ReadFlags,
  { reads, writes, inPlace }: Places,
): Promise<void> {
  const options = readOptions.map((name): FileRole => [`--${name}`, flags[name]]);
  const read = await located([...reads, ...options, ["--config", flags.config ?? defaultConfig]]);
  const written = await located(writes);
  for (const [i, { role, path, real }] of written.entries()) {
    const source = read.find((file) => file.real === real);
    const allowed = inPlace && role === writes[0]?.[0] && source?.role === reads[0]?.[0];
    if (source && !allowed) {
      throw sameFile(`${role} would overwrite ${source.role}, which is read`, path, role);
    }
    const other = written.slice(0, i).find((file) => file.real === real);
    if (other) throw sameFile(`${other.role} and ${role} would be written to the same file`, path, role);
  }
}

/** The file that a path leads to, also where it is yet to be made. */
export async function realPathOf(path: string, links = 40): Promise<string> {
  const whole = resolve(path);
  try {
    return await realpath(whole);
  } catch {
    const target = links > 0 ? await readlink(whole).catch(() => null) : null;
    if (target !== null) return realPathOf(resolve(dirname(whole), target), links - 1);
    const folder = dirname(whole);
    return folder === whole ? whole : join(await realPathOf(folder, links), basename(whole));
  }
}

interface Located {
  readonly role: string;
  readonly path: string;
  readonly real: string;
}

async function located(files: readonly FileRole[]): Promise<Located[]> {
  const result: Located[] = [];
  for (const [role, path] of files) {
    if (path === undefined || path === "-") continue;
    const status = existsSync(path) ? await stat(path) : null;
    if (status && !status.isFile() && !status.isDirectory()) continue;
    result.push({ role, path, real: await realPathOf(path) });
  }
  return result;
}

function sameFile(what: string, file: string, role: string): UsageError {
  return new UsageError("E_SAME_FILE", what, { where: { file }, hint: `name another file for ${role}` });
}
