import type { FormPlan } from "../forms/form.js";
import type { ConvLayer } from "../forms/layer.js";
import { UsageError, type Graph, type Node, type Patch, type Tensor, type Value } from "../ir/index.js";
import type { Fact } from "../ops/fact.js";
import type { Decline } from "./decline.js";

/** What a rewrite may ask of the graph around its anchor. It never changes anything. */
export interface RewriteContext {
  readonly graph: Graph;
  /** A new, empty patch anchored at the node. */
  patch(node: Node): Patch;
  decline(reason: string): Decline;
  /** What inference knows of a value. */
  fact(value: Value | null): Fact;
  /** Tensor of a value that can't change at run time, folded through constant nodes if need be. */
  constant(value: Value | null): Tensor | null;
  /** The only reader of a value (not a graph output, not read by a subgraph), or null. */
  soleReader(value: Value): Node | null;
  /** All readers of a value; null when it must stay: a graph output, or read by a subgraph. */
  readers(value: Value): readonly Node[] | null;
  /** Adds what was done, in a few words, to the patch's line in the ledger. */
  note(patch: Patch, text: string): void;
  /**
   * MACs of a node per sample, to compare: open dimensions count as some fixed size. 0 for what isn't counted, null
   * when unknown.
   */
  macs(node: Node): number | null;
}

/**
 * An exact rewrite: same function up to rounding, fewer or equal MACs unless it is one of those that are `timed`, no
 * permission needed. `propose` returns the patch, a reason to decline, or null when the node is none of its business.
 */
export interface Rewrite {
  readonly kind: "rewrite";
  /** Kebab-case; the file, the flag, the test, the golden folder and the doc page carry it. */
  readonly name: string;
  readonly summary: string;
  /** Operators it looks at; "*" for all. */
  readonly anchors: readonly string[];
  /** It spends MACs to save time: done only under a latency budget, and only where the model is measured to be faster. */
  readonly timed?: boolean;
  propose(node: Node, cx: RewriteContext): Patch | Decline | null;
}

/** A family of forms: proposes sizes for a layer; cost, fit, choice, lowering and patch are the engine's. */
export interface FormFamily {
  readonly kind: "family";
  /** Kebab-case, as for rewrites; a family of one form carries the form's name. */
  readonly name: string;
  readonly summary: string;
  /** Whether its forms start and fit in closed form at any size: other families leave layers of millions of weights alone. */
  readonly anySize?: boolean;
  /**
   * The layer has group = 1 here: existing groups are split before and stacked after, once, by the engine. Where time is
   * what counts, `block` is the number of channels that the target has its fast kernels for: sizes near a multiple of it
   * are better that multiple (`ladder` sees to it).
   */
  propose(layer: ConvLayer, block?: number): readonly FormPlan[] | Decline;
  /** The member that reproduces any layer of this geometry exactly (full rank), null where the family doesn't apply. */
  full(layer: ConvLayer): FormPlan | null;
}

export type Pass = Rewrite | FormFamily;

/** Types a pass and checks that it is one; passes are plain objects. Throws a UsageError that says what is missing. */
export function definePass<P extends Pass>(pass: P): P {
  checkPass(pass);
  return pass;
}

/** Throws a UsageError for what is no pass, where no compiler has looked. */
export function checkPass(pass: Pass): void {
  const given = pass as Readonly<Partial<Record<keyof Rewrite | keyof FormFamily, unknown>>>;
  const missing = [
    ...(given.kind === "rewrite" || given.kind === "family" ? [] : ['kind, "rewrite" or "family"']),
    ...(typeof given.name === "string" && given.name !== "" ? [] : ["name"]),
    ...(typeof given.summary === "string" ? [] : ["summary"]),
    ...(typeof given.propose === "function" ? [] : ["function propose"]),
    ...(given.kind !== "rewrite" || Array.isArray(given.anchors) ? [] : ["list of anchors"]),
    ...(given.kind !== "family" || typeof given.full === "function" ? [] : ["function full"]),
  ];
  if (missing.length === 0) return;
  const name = typeof given.name === "string" ? ` ${JSON.stringify(given.name)}` : "";
  throw new UsageError("E_PASS", `the pass${name} has no ${missing.join(", no ")}`, {
    hint: "see Rewrite and FormFamily in the types",
  });
}
