/** The candidates that a mistyped word may have meant, nearest first; at most three. */
export function closest(word: string, candidates: Iterable<string>): string[] {
  const wanted = word.toLowerCase();
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: rank(wanted, candidate.toLowerCase()) }))
    .filter(({ distance }) => distance < Infinity)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** A clause for an error's hint: «did you mean "x"?», or null. */
export function didYouMean(word: string, candidates: Iterable<string>): string | null {
  const near = closest(word, candidates);
  if (near.length === 0) return null;
  return `did you mean ${near.map((name) => JSON.stringify(name)).join(" or ")}?`;
}

/**
 * Edit distance when it is at most 40 % of the longer word; else containment, else all letters in order (parts of a
 * layer's path) count as far but related; else Infinity.
 */
function rank(wanted: string, candidate: string): number {
  const longer = Math.max(wanted.length, candidate.length);
  const distance = editDistance(wanted.slice(0, 200), candidate.slice(0, 200));
  if (distance <= Math.max(1, Math.floor(0.4 * longer))) return distance;
  if (wanted.length >= 3 && (candidate.includes(wanted) || wanted.includes(candidate))) return longer;
  return wanted.length >= 5 && hasInOrder(candidate, wanted) ? 1000 + longer : Infinity;
}

function hasInOrder(text: string, letters: string): boolean {
  let at = 0;
  for (const letter of letters) {
    at = text.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

/** Damerau–Levenshtein distance (optimal string alignment): insertions, deletions, substitutions, swaps. */
export function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(old[j]! + 1, row[j - 1]! + 1, old[j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, older[j - 2]! + 1);
      row.push(best);
    }
    older = old;
    old = row;
  }
  return old[b.length]!;
}
