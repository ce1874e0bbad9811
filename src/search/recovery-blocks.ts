import type { LayerSlot } from "./layers.js";
import type { StagedNetwork } from "./staged-network.js";

type Step = StagedNetwork["steps"][number];

/** A stretch of the network between two points where little is live: what recovery trains at a time. */
export interface Block {
  readonly steps: readonly Step[];
  readonly slots: readonly LayerSlot[];
  /** Live values that the block reads. */
  readonly inputs: readonly string[];
  /** Values of the block that are live behind it. */
  readonly outputs: readonly string[];
}

/** Layers of a block at least, and beyond which a block ends even where several values are live. */
const fewestLayers = 2;
const mostLayers = 10;

/**
 * Cuts the network where exactly one value is live (behind a residual block, a dense block's concatenation, a layer of
 * a plain chain with its activation), two layers a block at least. Where that doesn't come for many layers, a block
 * ends at any layer boundary and has several outputs.
 */
export function recoveryBlocks(steps: readonly Step[], modelInputs: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let from = 0;
  let layers = 0;
  steps.forEach((step, index) => {
    if (step.slot) layers++;
    const next = steps[index + 1];
    if (step.slot && next && next.slot === null) return;
    const narrow = step.live.length === 1 && layers >= fewestLayers;
    if (next && !narrow && layers < mostLayers) return;
    blocks.push(blockOf(steps.slice(from, index + 1), steps[from - 1]?.live ?? modelInputs));
    [from, layers] = [index + 1, 0];
  });
  return blocks;
}

/** The whole network as one block. */
export function wholeNetwork(steps: readonly Step[], modelInputs: readonly string[]): Block {
  return blockOf(steps, modelInputs);
}

function blockOf(steps: readonly Step[], liveBefore: readonly string[]): Block {
  const made = new Set(steps.flatMap(({ outputs }) => outputs));
  const read = new Set(steps.flatMap(({ inputs }) => inputs));
  return {
    steps,
    slots: steps.flatMap(({ slot }) => (slot ? [slot] : [])),
    inputs: liveBefore.filter((name) => read.has(name)),
    outputs: steps.at(-1)!.live.filter((name) => made.has(name)),
  };
}
