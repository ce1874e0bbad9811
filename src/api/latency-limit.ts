/** A model that was tried: milliseconds that its layers were allowed, that they promise, and what it was measured to take. */
export interface TriedLimit {
  readonly limitMs: number;
  readonly promisedMs: number;
  /** Of the reference's time. */
  readonly ratio: number;
}

/** A new limit stays this share of the bracket away from the limits tried. */
const apart = 0.1;
/** After so many tries the bracket is halved: noise can lead false position astray. */
const patience = 8;
/** Brackets of less than this share of the layers' time that is aimed at aren't worth a try. */
const narrow = 2e-3;

/**
 * The next limit on the layers' milliseconds to try for a model that takes `aimed` of the reference's time, given those
 * tried and what the layers take as they are (`own`): false position between the nearest one that was too slow and the
 * nearest one that was fast enough, the layers as they are being the first. Savings of single layers don't add up, but what
 * is missing is about the same share of every sum. Null where no limit is left between those tried.
 */
export function nextLimit(tries: readonly TriedLimit[], own: TriedLimit, aimed: number): number | null {
  const slow = [own, ...tries].filter(({ ratio }) => ratio > aimed);
  const fast = tries.filter(({ ratio }) => ratio <= aimed);
  // Whatever lies between what a model promised and its limit gives the same model again.
  const high = Math.min(own.limitMs, ...slow.map(({ promisedMs }) => promisedMs));
  // A model that promises more than its limit is the cheapest there is.
  const low = Math.max(
    0,
    ...fast.map(({ limitMs }) => limitMs),
    ...tries.map(({ limitMs, promisedMs }) => (promisedMs > limitMs ? promisedMs : 0)),
  );
  if (high - low <= narrow * aimed * own.limitMs) return null;
  const above = slow.reduce(
    (nearest, tried) => (tried.ratio < nearest.ratio ? tried : nearest),
    slow[0] ?? own,
  );
  const below =
    fast.length > 0
      ? fast.reduce((nearest, tried) => (tried.ratio > nearest.ratio ? tried : nearest))
      : [own, ...tries].reduce((farthest, tried) =>
          tried.promisedMs > farthest.promisedMs ? tried : farthest,
        );
  const slope = (above.ratio - below.ratio) / (above.promisedMs - below.promisedMs);
  const straight = above.promisedMs - (above.ratio - aimed) / slope;
  const margin = (tries.length < patience ? apart : 0.5) * (high - low);
  const middle = (low + high) / 2;
  // Where nothing was fast enough yet, no further than half the way: a limit that nothing meets tells nothing.
  const least = fast.length > 0 ? low + margin : middle;
  return slope > 0 ? Math.min(high - margin, Math.max(least, straight)) : middle;
}
