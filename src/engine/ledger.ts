/** Why a candidate was applied or not: the rule itself, its cost, its measured error, the budget, or the user's flags. */
export type DecidedBy = "rule" | "cost" | "error" | "budget" | "user";

/** One decision about one node: reports, `explain`, golden tests and bisect all read this record. */
export interface LedgerEntry {
  readonly pass: string;
  /** Label of the node in the input model's terms. */
  readonly node: string;
  readonly op: string;
  readonly verdict: "applied" | "declined";
  readonly by: DecidedBy;
  readonly reason: string;
  /** Before and after, per sample; null when a dimension is unknown. */
  readonly macs: readonly [number | null, number | null];
  readonly params: readonly [number, number];
  /** Relative L2 error of the replaced value on measured inputs; null when it was not measured. */
  readonly error: number | null;
  /** Form and sizes, for families. */
  readonly form?: string;
  readonly size?: Readonly<Record<string, number>>;
}

/** Append-only list of decisions. */
export class Ledger {
  readonly #entries: LedgerEntry[] = [];

  add(entry: LedgerEntry): void {
    this.#entries.push(entry);
  }

  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  of(node: string): readonly LedgerEntry[] {
    return this.#entries.filter((entry) => entry.node === node);
  }
}
