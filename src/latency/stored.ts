import { z } from "zod";
import { textHash } from "./signature.js";
import type { LayerWindow } from "./window.js";

/* What is kept of measurements, on disk where the user's cache is. */

/** A candidate's time relative to its window's as it is. */
export const ratioSchema = z.object({
  ratio: z.number().positive(),
  interval: z.tuple([z.number().positive(), z.number().positive()]),
  rounds: z.number().int().positive(),
  /** Out of the running after the first look: more rounds of it are of no use. */
  lost: z.boolean(),
});
export type StoredRatio = z.infer<typeof ratioSchema>;

/** A model as it is. */
export const baselineSchema = z.object({
  ms: z.number().positive(),
  interval: z.tuple([z.number().positive(), z.number().positive()]),
  nodes: z.array(z.tuple([z.number().int().nonnegative(), z.number().nonnegative()])),
  /** Milliseconds of all kernels on one thread, and what the threads make of kernels' times there. */
  kernelsMs: z.number().positive(),
  threading: z.object({ share: z.number().nonnegative(), perKernel: z.number().nonnegative() }),
});

/** A window's milliseconds. */
export const windowSchema = z.number().positive();

export function windowKey(window: LayerWindow): string {
  return `window/2 ${window.key}`;
}

/** Ratios by the window and the structure of the program; the number stands for how they are measured. */
export function storeKey(window: LayerWindow, program: string): string {
  return `layer/2 ${window.key} ${textHash(program)}`;
}
