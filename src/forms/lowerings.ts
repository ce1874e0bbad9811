import { alignments, joins, plainLowering, type Lowering } from "./lowering.js";
import { programKey, programOf, type Chains, type Program } from "./program.js";

/** A lowering with the nodes that it gives a certain form. */
export interface LoweredProgram {
  readonly lowering: Lowering;
  readonly program: Program;
  /** Structure and geometry: {@link programKey}. */
  readonly key: string;
}

export interface LoweringScope {
  /** The layer's output goes into an Add of the network only. */
  readonly shortcut: boolean;
  /** Leave out what makes more MACs than the form has: zero channels, groups put together. */
  readonly sameCost?: boolean;
}

/**
 * Every lowering that gives these chains nodes of their own kind, the plain one first. Joined and widened ones are not
 * combined with split groups. The shortcut goes into the sum wherever there is one: it only ever saves an Add.
 */
export function lowerings(chains: Chains, { shortcut, sameCost = false }: LoweringScope): LoweredProgram[] {
  const shortcutFirst = shortcut && !chains.orderedOut && chains.branches.length > 1;
  const choices: Lowering[] = [plainLowering];
  for (const align of sameCost ? ([1] as const) : alignments) {
    for (const join of joins) choices.push({ join, align, split: false, shortcutFirst });
  }
  choices.push({ ...plainLowering, split: true, shortcutFirst });
  const byKey = new Map<string, LoweredProgram>();
  for (const lowering of choices) {
    const program = programOf(chains, lowering, shortcut);
    const key = programKey(program);
    // Of several names for the same nodes the simplest comes first.
    if (!byKey.has(key)) byKey.set(key, { lowering, program, key });
  }
  return [...byKey.values()];
}
