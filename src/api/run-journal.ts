import type { FormFamily } from "../engine/index.js";
import type { Model } from "../ir/index.js";
import { ortAvailable } from "../runtime/index.js";
import { efforts } from "../search/index.js";
import type { RunData } from "./compress.js";
import { dataHash, modelHash, openJournal, type FileJournal } from "./journal.js";
import type { OptimizeOptions } from "./options.js";
import { version } from "./version.js";

/** Where the journal of a run lies that writes to `output`, when nobody named a place; nowhere when nothing is written. */
export function defaultJournal(output: string, { journal, dryRun }: OptimizeOptions): string | null {
  if (journal !== undefined) return journal;
  return dryRun || output === "-" ? null : `${output}.convopt-journal`;
}

/** The run's journal, for the model after exact rewrites; null when none is wanted. */
export async function openRunJournal(
  exact: Model,
  run: RunData,
  families: readonly FormFamily[],
  options: OptimizeOptions,
): Promise<FileJournal | null> {
  const { journal, deterministic, only, skip, revert, seed = 0, threads = 0 } = options;
  if (!journal) return null;
  const ort = deterministic || options.engine === "reference" ? null : await ortAvailable();
  const identity = {
    tool: version,
    model: await modelHash(exact),
    calibration: await dataHash(run.data),
    options: {
      effort: efforts[options.effort ?? "normal"],
      seed,
      engine: ort ?? "reference",
      threads: deterministic ? 1 : threads,
      shapes: [...(options.shapes ?? [])],
      scope: [only ?? [], skip ?? [], revert ?? []],
      // A family of the user's own may change under the same name.
      families: families.map(({ name, propose }) => [name, propose.toString()]),
    },
  };
  options.signal?.throwIfAborted();
  return openJournal(journal, identity, {
    resume: options.resume ?? false,
    ...(options.onWarning ? { onWarning: options.onWarning } : {}),
  });
}

/** What becomes of a journal after the work: it goes when that succeeded, unless it was asked for. */
export async function withJournal<T>(
  journal: FileJournal | null,
  keep: boolean,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    if (keep) journal?.close();
    else journal?.remove();
    return result;
  } catch (error) {
    if (journal && journal.size === 0) journal.remove();
    else journal?.close();
    throw error;
  }
}
