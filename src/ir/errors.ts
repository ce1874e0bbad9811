/** Process exit codes of the command line, as the contract fixes them. */
export const ExitCode = {
  done: 0,
  unmet: 1,
  usage: 2,
  badInput: 3,
  io: 4,
  internal: 5,
  interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Where an error happened: any of the places a user can look at. */
export interface ErrorPlace {
  readonly file?: string;
  readonly node?: string;
  readonly op?: string;
  readonly tensor?: string;
}

export interface ErrorDetails {
  readonly where?: ErrorPlace;
  /** What the user can do next, as one clause. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Base of everything convopt throws on purpose. `code` is stable (`E_…`); the message is one line. */
export class ConvoptError extends Error {
  readonly where: ErrorPlace;
  readonly hint: string | null;

  constructor(
    readonly code: string,
    readonly exitCode: ExitCode,
    /** What is wrong, without place and hint. */
    readonly what: string,
    details: ErrorDetails = {},
  ) {
    super(describeError(what, details), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.where = details.where ?? {};
    this.hint = details.hint ?? null;
  }

  /** The same error with places filled in that it did not name itself. */
  at(place: ErrorPlace): ConvoptError {
    const details: ErrorDetails = {
      where: { ...place, ...this.where },
      ...(this.hint === null ? {} : { hint: this.hint }),
      cause: this.cause ?? this,
    };
    const copy = Object.create(Object.getPrototypeOf(this) as object) as ConvoptError;
    return Object.assign(copy, this, {
      where: details.where,
      message: describeError(this.what, details),
      stack: this.stack,
      cause: details.cause,
    });
  }
}

/** Wrong flags, names or combinations of options (exit 2). */
export class UsageError extends ConvoptError {
  constructor(code: string, what: string, details?: ErrorDetails) {
    super(code, ExitCode.usage, what, details);
  }
}

/** What a user can do about bad files, by how the code begins, where an error says nothing itself. */
const usualHints: readonly (readonly [prefix: string, hint: string])[] = [
  ["E_MODEL_", "check the file with onnx.checker, or export it again"],
  ["E_NPY", "write it again with numpy.save or numpy.savez"],
  ["E_DATA_VALUE", "check how the data were made"],
  ["E_DATA_EMPTY", "give at least one sample"],
];

/** The model or the data is bad (exit 3). */
export class ModelError extends ConvoptError {
  constructor(code: string, what: string, details: ErrorDetails = {}) {
    const hint = details.hint ?? usualHints.find(([prefix]) => code.startsWith(prefix))?.[1];
    super(code, ExitCode.badInput, what, hint === undefined ? details : { ...details, hint });
  }
}

/** Valid input that convopt cannot evaluate or rewrite; callers that can leave the node alone do so (exit 3). */
export class UnsupportedError extends ConvoptError {
  constructor(code: string, what: string, details?: ErrorDetails) {
    super(code, ExitCode.badInput, what, details);
  }
}

/** Reading or writing failed (exit 4). */
export class IoError extends ConvoptError {
  constructor(code: string, what: string, details?: ErrorDetails) {
    super(code, ExitCode.io, what, details);
  }
}

/** A bug of ours (exit 5). */
export class InvariantError extends ConvoptError {
  constructor(what: string, details?: ErrorDetails) {
    super("E_INTERNAL", ExitCode.internal, what, details);
  }
}

/** Throws an {@link InvariantError} unless `condition` holds. */
export function invariant(condition: unknown, what: string, where?: ErrorPlace): asserts condition {
  if (!condition) throw new InvariantError(what, where ? { where } : {});
}

/** Compile-time proof that a switch is exhaustive. */
export function assertNever(value: never, what: string): never {
  throw new InvariantError(`unexpected ${what}: ${String(value)}`);
}

function describeError(what: string, { where = {}, hint }: ErrorDetails): string {
  const places = [
    where.node === undefined
      ? null
      : `node ${quote(where.node)}${where.op === undefined ? "" : ` (${where.op})`}`,
    where.tensor === undefined ? null : `tensor ${quote(where.tensor)}`,
    where.file === undefined ? null : where.file,
  ].filter((place) => place !== null);
  return (
    what + (places.length > 0 ? ` (${places.join(", ")})` : "") + (hint === undefined ? "" : `; ${hint}`)
  );
}

function quote(name: string): string {
  return JSON.stringify(name);
}
