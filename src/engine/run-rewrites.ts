import { ConvoptError, InvariantError, verify, type Model, type Node } from "../ir/index.js";
import { createContext, type EngineContext } from "./context.js";
import { isDecline } from "./decline.js";
import { effectOf, mismatch, type PatchEffect } from "./effect.js";
import { matchesGlob } from "./glob.js";
import type { DecidedBy, Ledger, LedgerEntry } from "./ledger.js";
import type { Patch } from "../ir/index.js";
import type { Rewrite } from "./pass.js";

export interface RunOptions {
  readonly ledger: Ledger;
  /** Binds symbolic input dimensions for counting MACs; never written into the graph. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** Globs on node labels: a patch must touch one of these nodes. */
  readonly only?: readonly string[];
  /** Globs on node labels: a patch may touch none of these nodes. */
  readonly skip?: readonly string[];
  /** Like `skip`; the ledger says that the user took these layers back. */
  readonly revert?: readonly string[];
  /** Stop after this many patches. */
  readonly stopAfter?: number;
  /** Check every invariant of the graph after each patch (default true). */
  readonly verify?: boolean;
  /** Called after each patch; the graph is in its new state. */
  readonly onPatch?: (event: PatchEvent) => void;
  readonly signal?: AbortSignal;
}

export interface PatchEvent {
  /** Number of this patch, from 1. */
  readonly index: number;
  readonly entry: LedgerEntry;
  readonly model: Model;
}

export interface PassSummary {
  readonly name: string;
  readonly applied: number;
  readonly declined: number;
  readonly ms: number;
}

export interface RunResult {
  /** Patches applied. */
  readonly applied: number;
  /** False when `stopAfter` ended the run before the fixpoint. */
  readonly settled: boolean;
  readonly passes: readonly PassSummary[];
}

type Verdict = { readonly by: DecidedBy; readonly reason: string };

/**
 * Runs exact rewrites on the model's graph, in place, until none fires: pass by pass in the given order, each over
 * the nodes in topological order. Subgraphs are left alone. Every patch is type-checked, costed and verified here;
 * a rewrite that would raise MACs is refused, unless it is one of the timed ones. Applied patches go to the ledger at once, declines (the last reason
 * per node and pass) at the end. Throws an InvariantError when a rewrite breaks the graph or never settles.
 */
export function runRewrites(model: Model, passes: readonly Rewrite[], options: RunOptions): RunResult {
  const run = new Run(model, passes, options);
  return run.toFixpoint();
}

interface Tally {
  applied: number;
  ms: number;
}

class Run {
  readonly #cx: EngineContext;
  readonly #tallies = new Map<string, Tally>();
  readonly #declines = new Map<Rewrite, Map<Node, LedgerEntry>>();
  readonly #limit: number;
  #applied = 0;

  constructor(
    private readonly model: Model,
    private readonly passes: readonly Rewrite[],
    private readonly options: RunOptions,
  ) {
    this.#cx = createContext(model, options.shapes);
    this.#limit = 1000 + 30 * model.graph.nodeCount;
    for (const pass of passes) {
      this.#tallies.set(pass.name, { applied: 0, ms: 0 });
      this.#declines.set(pass, new Map());
    }
  }

  toFixpoint(): RunResult {
    for (let fired = true; fired && !this.#stopped;) {
      fired = false;
      for (const pass of this.passes) {
        while (this.#sweep(pass)) fired = true;
        if (this.#stopped) break;
      }
    }
    for (const entries of this.#declines.values()) {
      for (const entry of entries.values()) this.options.ledger.add(entry);
    }
    const passes = this.passes.map((pass) => ({
      name: pass.name,
      applied: this.#tallies.get(pass.name)!.applied,
      declined: this.#declines.get(pass)!.size,
      ms: this.#tallies.get(pass.name)!.ms,
    }));
    return { applied: this.#applied, settled: !this.#stopped, passes };
  }

  get #stopped(): boolean {
    return this.#applied >= (this.options.stopAfter ?? Infinity);
  }

  /** One pass over all nodes; true when something was applied. */
  #sweep(pass: Rewrite): boolean {
    const start = performance.now();
    const before = this.#applied;
    for (const node of this.model.graph.nodes) {
      if (node.graph === null || this.#stopped) continue;
      if (pass.anchors.includes("*") || (node.domain === "" && pass.anchors.includes(node.op))) {
        this.options.signal?.throwIfAborted();
        this.#visit(pass, node);
      }
    }
    this.#tallies.get(pass.name)!.ms += performance.now() - start;
    return this.#applied > before && !this.#stopped;
  }

  #visit(pass: Rewrite, node: Node): void {
    const proposal = this.#propose(pass, node);
    if (proposal === null) {
      this.#declines.get(pass)!.delete(node);
      return;
    }
    if (isDecline(proposal)) {
      this.#decline(pass, node, { by: "rule", reason: proposal.declined });
      return;
    }
    if (proposal.isEmpty) throw this.#fault(pass, node, "it proposed an empty patch");
    const effect = this.#check(pass, node, proposal);
    const refusal = this.#refusal(pass, node, effect);
    if (refusal) this.#decline(pass, node, refusal, effect);
    else this.#apply(pass, node, proposal, effect);
  }

  #propose(pass: Rewrite, node: Node) {
    try {
      return pass.propose(node, this.#cx.for(pass));
    } catch (error) {
      if (error instanceof ConvoptError && !(error instanceof InvariantError)) {
        // A node that the model got wrong stays as it is; the runtime will say more.
        return { declined: error.what };
      }
      throw this.#fault(pass, node, "it threw", error);
    }
  }

  /** Types and cost of a proposal; a patch that doesn't type-check is a bug of the pass. */
  #check(pass: Rewrite, node: Node, patch: Patch): PatchEffect {
    try {
      this.#cx.plan(patch);
    } catch (error) {
      throw this.#fault(pass, node, "its nodes do not type-check", error);
    }
    for (const { old, by } of patch.replacements) {
      const problem = mismatch(this.#cx.fact(old), this.#cx.fact(by));
      if (problem) throw this.#fault(pass, node, `${problem} for "${old.name}"`);
    }
    return effectOf(patch, (each) => this.#cx.macs(each));
  }

  #refusal(pass: Rewrite, node: Node, effect: PatchEffect): Verdict | null {
    const touched = [node, ...effect.removed].map((each) => each.label);
    const hit = (globs: readonly string[] | undefined): string | undefined =>
      globs && touched.find((label) => matchesGlob(label, globs));
    const reverted = hit(this.options.revert);
    if (reverted !== undefined) return { by: "user", reason: `"${reverted}" is taken back by --revert` };
    const skipped = hit(this.options.skip);
    if (skipped !== undefined) return { by: "user", reason: `"${skipped}" is left out by --skip` };
    if (this.options.only && hit(this.options.only) === undefined)
      return { by: "user", reason: "not among the layers of --only" };
    const [before, after] = effect.macs;
    if (before !== null && after !== null && after > before && !pass.timed)
      return { by: "cost", reason: `would raise MACs from ${before} to ${after}` };
    const smaller =
      (before !== null && after !== null && after < before) ||
      effect.planned.length < effect.removed.length ||
      effect.params[1] < effect.params[0];
    if (node.origin.includes(pass.name) && !smaller)
      return { by: "rule", reason: "would only repeat what it did to this node before" };
    return null;
  }

  #apply(pass: Rewrite, node: Node, patch: Patch, effect: PatchEffect): void {
    const label = node.label;
    this.#cx.adopt(patch);
    try {
      patch.apply();
      if (this.options.verify ?? true) verify(this.model.graph);
    } catch (error) {
      throw this.#fault(pass, node, "its patch broke the graph", error);
    }
    for (const removed of effect.removed)
      for (const declines of this.#declines.values()) declines.delete(removed);
    this.#declines.get(pass)!.delete(node);
    this.#applied++;
    this.#tallies.get(pass.name)!.applied++;
    const entry = this.#entry(
      pass,
      node,
      label,
      "applied",
      { by: "rule", reason: this.#cx.note(patch) },
      effect,
    );
    this.options.ledger.add(entry);
    this.options.onPatch?.({ index: this.#applied, entry, model: this.model });
    if (this.#applied > this.#limit) throw this.#fault(pass, node, `${this.#limit} patches do not settle`);
  }

  #decline(pass: Rewrite, node: Node, verdict: Verdict, effect?: PatchEffect): void {
    const entry = this.#entry(pass, node, node.label, "declined", verdict, effect);
    this.#declines.get(pass)!.set(node, entry);
  }

  #entry(
    pass: Rewrite,
    node: Node,
    label: string,
    verdict: LedgerEntry["verdict"],
    { by, reason }: Verdict,
    effect?: PatchEffect,
  ): LedgerEntry {
    const macs = effect || !this.#cx.exactCost ? null : this.#cx.macs(node);
    return {
      pass: pass.name,
      node: label,
      op: node.op,
      verdict,
      by,
      reason,
      macs: effect && this.#cx.exactCost ? effect.macs : [macs, macs],
      params: effect?.params ?? [0, 0],
      error: null,
    };
  }

  #fault(pass: Rewrite, node: Node, what: string, cause?: unknown): InvariantError {
    const detail = cause instanceof Error ? `: ${cause.message}` : "";
    return new InvariantError(`the rewrite ${pass.name} went wrong: ${what}${detail}`, {
      where: { node: node.label, op: node.op },
      cause,
    });
  }
}
