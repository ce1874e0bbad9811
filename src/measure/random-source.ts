/**
 * Numbers in [0, 1) for the random operators, from a seed and a label: a node draws the same numbers in every run,
 * whatever runs before it. 32-bit FNV-1a of the label feeds Mulberry32.
 */
export function randomSource(seed: number, label: string): () => number {
  let state = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < label.length; i++) state = Math.imul(state ^ label.charCodeAt(i), 0x01000193) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const randomOps: ReadonlySet<string> = new Set([
  "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout",
]); // prettier-ignore

/** True for operators of the default domain whose outputs may differ between runs or seeds. */
export function isRandom(node: { readonly op: string; readonly domain: string }): boolean {
  return node.domain === "" && randomOps.has(node.op);
}
