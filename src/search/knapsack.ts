/** One way to do a layer: what it costs and what it does to the answers. */
export interface Choice {
  readonly cost: number;
  readonly loss: number;
}

/** Cells of the cost axis at most: rounding a cost up to the next cell can waste at most a layer's share of one of them. */
const mostCells = 20_000;

/**
 * Multiple-choice knapsack: one choice per layer, least total loss with total cost ≤ budget. Exact where a cell can be
 * the greatest common divisor of whole costs, else costs are rounded up to cells, so that the budget holds; dynamic
 * programming over layers × cells. Returns the index chosen per layer; null when even the cheapest choices exceed the
 * budget.
 */
export function chooseWithin(layers: readonly (readonly Choice[])[], budget: number): number[] | null {
  const cheapest = layers.map((choices) => Math.min(...choices.map(({ cost }) => cost)));
  const floor = cheapest.reduce((sum, cost) => sum + cost, 0);
  if (floor > budget * (1 + 1e-12)) return null;
  // Only what lies above the cheapest choice of each layer is discretised.
  const room = budget - floor;
  const divisor = commonDivisor(layers.flatMap((own, l) => own.map(({ cost }) => cost - cheapest[l]!)));
  const isExact = divisor > 0 && room >= 0 && room / divisor <= mostCells;
  const cells = isExact ? Math.floor(room / divisor) : mostCells;
  const unit = isExact ? divisor : Math.max(0, room) / cells;
  let best = new Float64Array(cells + 1);
  const picks: Int32Array[] = [];
  layers.forEach((choices, l) => {
    const next = new Float64Array(cells + 1).fill(Infinity);
    const pick = new Int32Array(cells + 1).fill(-1);
    choices.forEach(({ cost, loss }, c) => {
      const extra = cost - cheapest[l]!;
      const step = extra <= 0 ? 0 : Math.ceil(extra / unit - 1e-9);
      for (let cell = step; cell <= cells; cell++) {
        const total = best[cell - step]! + loss;
        if (total < next[cell]!) {
          next[cell] = total;
          pick[cell] = c;
        }
      }
    });
    best = next;
    picks.push(pick);
  });
  const chosen = new Array<number>(layers.length);
  let cell = cells;
  for (let l = layers.length - 1; l >= 0; l--) {
    const c = picks[l]![cell]!;
    chosen[l] = c;
    const extra = layers[l]![c]!.cost - cheapest[l]!;
    cell -= extra <= 0 ? 0 : Math.ceil(extra / unit - 1e-9);
  }
  return chosen;
}

/** Greatest common divisor of whole numbers; 0 when one of them isn't whole, or all are 0. */
function commonDivisor(numbers: readonly number[]): number {
  let divisor = 0;
  for (const number of numbers) {
    if (!Number.isSafeInteger(number)) return 0;
    let [a, b] = [divisor, number];
    while (b > 0) [a, b] = [b, a % b];
    divisor = a;
  }
  return divisor;
}

/** Choices that no other choice beats in both cost and loss, cheapest first. */
export function paretoFront<T>(
  items: readonly T[],
  cost: (item: T) => number,
  loss: (item: T) => number,
): T[] {
  const sorted = [...items].sort((a, b) => cost(a) - cost(b) || loss(a) - loss(b));
  const front: T[] = [];
  for (const item of sorted) {
    if (front.length === 0 || loss(item) < loss(front.at(-1)!)) front.push(item);
  }
  return front;
}
