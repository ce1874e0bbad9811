import type { LoweredProgram } from "../forms/index.js";
import type { LayerWindow } from "./window.js";

/** Sessions open at a time: at most so many, and so many bytes of activations. */
const mostSessions = 16;
const mostBytes = 2 ** 29;

/** Groups of programs put together into batches that can be open at once, each program once. */
export function batchesOf(
  groups: readonly (readonly LoweredProgram[])[],
  window: LayerWindow,
): LoweredProgram[][][] {
  const most = Math.max(2, Math.min(mostSessions, Math.floor(mostBytes / Math.max(1, window.bytes))));
  const batches: LoweredProgram[][][] = [];
  let room = 0;
  const seen = new Set<string>();
  for (const group of groups) {
    const fresh = group.filter(({ key }) => !seen.has(key));
    for (const { key } of fresh) seen.add(key);
    if (fresh.length === 0) continue;
    if (fresh.length > room) {
      batches.push([]);
      room = most;
    }
    batches.at(-1)!.push(fresh);
    room -= fresh.length;
  }
  return batches;
}
