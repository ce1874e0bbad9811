/** Milliseconds of work after which pending events, such as Ctrl-C, are let in. */
const interval = 40;

/**
 * A check for long computations: at most every {@link interval} ms it lets the event loop run, so that signals and
 * timers are heard although nothing asynchronous is waited for. Throws the signal's reason once it is aborted.
 */
export function pauses(signal?: AbortSignal): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last >= interval) {
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      last = performance.now();
    }
    signal?.throwIfAborted();
  };
}
