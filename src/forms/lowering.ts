import { UsageError } from "../ir/index.js";

/*
 * One form, several graphs: how its chains are written as nodes. Every choice is exact; which is fastest depends on the
 * runtime's kernels and is measured. A runtime that keeps activations in blocks of channels has its fast kernels for
 * depthwise convolutions, for ungrouped ones and for groups of whole blocks, and adds a sum into the convolution that
 * made one operand.
 */

/**
 * How branches of like geometry are joined.
 * - `branches`: each chain has nodes of its own, and Adds.
 * - `chain`: one chain of wider nodes: depthwise with a depth multiplier → one pointwise; one wide pointwise → grouped
 *   convolution that reads M inputs per output.
 * - `copies`: like `chain`, but the first stage reads the input M times over (Concat), so that depthwise stays depthwise.
 * - `tails`: first stages apart, Concat, one pointwise for all last ones.
 * - `heads`: one pointwise for all first ones, a Slice for each branch, and Adds.
 */
export const joins = ["branches", "chain", "copies", "tails", "heads"] as const;
export type Join = (typeof joins)[number];

/** Channel multiples that inner widths are filled up to with zeros; 1 leaves them. */
export const alignments = [1, 4, 8, 16] as const;
export type Alignment = (typeof alignments)[number];

export interface Lowering {
  readonly join: Join;
  /**
   * Inner widths are filled with zero channels to a multiple of this, and from 8 on neighbouring groups of grouped
   * convolutions are put together until each has whole blocks.
   */
  readonly align: Alignment;
  /** Grouped convolutions as Slices, one convolution per group and a Concat. */
  readonly split: boolean;
  /**
   * The network's own Add behind the layer goes into the sum first: x + b₀ + b₁ instead of (b₀ + b₁) + x, so that there is
   * one convolution for every Add.
   */
  readonly shortcutFirst: boolean;
}

/** `branches`, `chain+align16`, `branches+split+shortcut-first`: what reports and journals call a lowering. */
export type LoweringName = string;

/** Every branch with its own nodes, in the order of the form. */
export const plainLowering: Lowering = { join: "branches", align: 1, split: false, shortcutFirst: false };

export function loweringName({ join, align, split, shortcutFirst }: Lowering): LoweringName {
  const parts: string[] = [join];
  if (align > 1) parts.push(`align${align}`);
  if (split) parts.push("split");
  if (shortcutFirst) parts.push("shortcut-first");
  return parts.join("+");
}

/** The lowering of a name; a UsageError `E_LOWERING` for a name that is none. */
export function loweringOf(name: LoweringName): Lowering {
  const [first, ...rest] = name.split("+");
  const join = joins.find((word) => word === first);
  const align = alignments.find((width) => rest.includes(`align${width}`)) ?? 1;
  const lowering = join && {
    ...{ join, align, split: rest.includes("split"), shortcutFirst: rest.includes("shortcut-first") },
  };
  if (lowering && loweringName(lowering) === name) return lowering;
  throw new UsageError("E_LOWERING", `there is no lowering ${JSON.stringify(name)}`, {
    hint: `it starts with one of ${joins.join(", ")}, e.g. branches+align16`,
  });
}
