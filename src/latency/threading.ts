/**
 * What several threads make of the kernels' times on one: a share of them, and what waking and waiting costs by kernel.
 * Profilers of runtimes with several threads note what every thread did, which takes longer than small kernels do; what a
 * kernel takes on one thread they tell well.
 */
export interface Threading {
  readonly share: number;
  /** Milliseconds. */
  readonly perKernel: number;
}

export const oneThread: Threading = { share: 1, perKernel: 0 };

/** Milliseconds that a kernel's threads wait for each other at most. */
const mostPerKernel = 0.005;

/**
 * From a model's milliseconds on one thread and on `threads`: what is missing to equal shares is the kernels' waiting as far
 * as it can be, beyond that work that isn't shared out.
 */
export function threadingOf(onOne: number, onAll: number, threads: number, kernels: number): Threading {
  const missing = (onAll - onOne / threads) / Math.max(1, kernels);
  const perKernel = Math.min(mostPerKernel, Math.max(0, missing));
  return { share: Math.max(0, onAll - kernels * perKernel) / onOne, perKernel };
}

/** Milliseconds of `kernels` kernels that take `ms` on one thread, or of differences of both. */
export function onThreads({ share, perKernel }: Threading, ms: number, kernels: number): number {
  return share * ms + perKernel * kernels;
}
