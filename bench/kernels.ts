/**
 * Speed of the reference interpreter's kernels, one thread: `npx tsx bench/kernels.ts [name part]`.
 * Best of several runs in CPU time, which other processes disturb less; GMAC/s counts 10⁹ multiply–accumulates a second.
 */
import { convMacs, resolveConv, resolveConvTranspose, convTransposeMacs } from "../src/ops/conv-geometry.js";
import { convolve } from "../src/ops/kernels/convolution.js";
import { multiplyMatrices } from "../src/ops/kernels/matrix-product.js";
import { panelEngine } from "../src/linalg/product.js";
import { convolveTransposed } from "../src/ops/kernels/transposed-convolution.js";

interface Layer {
  readonly name: string;
  readonly macs: number;
  run(): void;
}

function noise(count: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

function convLayer(
  name: string,
  xDims: readonly number[],
  wDims: readonly number[],
  attributes: Parameters<typeof resolveConv>[0] = {},
): Layer {
  const geometry = resolveConv(attributes, xDims, wDims);
  const [x, weight, bias] = [noise(sizeOf(xDims)), noise(sizeOf(wDims)), noise(wDims[0]!)];
  const y = new Float32Array(sizeOf(geometry.outputShape));
  return {
    name,
    macs: convMacs(geometry)! * xDims[0]!,
    run: () => convolve({ geometry, x, xDims, weight, bias, y }),
  };
}

function transposedLayer(
  name: string,
  xDims: readonly number[],
  wDims: readonly number[],
  stride: number,
): Layer {
  const geometry = resolveConvTranspose({ strides: [stride, stride], pads: [1, 1, 1, 1] }, xDims, wDims);
  const [x, weight] = [noise(sizeOf(xDims)), noise(sizeOf(wDims))];
  const y = new Float32Array(sizeOf(geometry.outputShape));
  return {
    name,
    macs: convTransposeMacs(geometry, xDims)!,
    run: () => convolveTransposed({ geometry, x, xDims, weight, bias: null, y }),
  };
}

function matrixLayer(name: string, rows: number, depth: number, cols: number, transB: boolean): Layer {
  const [a, b, y] = [noise(rows * depth), noise(depth * cols), new Float32Array(rows * cols)];
  const layout = {
    rows,
    cols,
    depth,
    a: { at: 0, row: depth, col: 1 },
    b: transB ? { at: 0, row: 1, col: depth } : { at: 0, row: cols, col: 1 },
  };
  return {
    name,
    macs: rows * cols * depth,
    run: () => multiplyMatrices(layout, a, b, (sum, row, col) => (y[row * cols + col] = sum)),
  };
}

const pad1 = { pads: [1, 1, 1, 1] };
const layers: Layer[] = [
  convLayer("conv 3×3, 64 → 64, 56×56", [1, 64, 56, 56], [64, 64, 3, 3], pad1),
  convLayer("conv 3×3, 64 → 64, 160×160", [1, 64, 160, 160], [64, 64, 3, 3], pad1),
  convLayer("conv 3×3, 16 → 16, 32×32, batch 16", [16, 16, 32, 32], [16, 16, 3, 3], pad1),
  convLayer("conv 3×3 stride 2, 32 → 64, 32×32", [8, 32, 32, 32], [64, 32, 3, 3], {
    ...pad1,
    strides: [2, 2],
  }),
  convLayer("conv 3×3, 512 → 512, 7×7", [1, 512, 7, 7], [512, 512, 3, 3], pad1),
  convLayer("conv 7×7 stride 2, 3 → 64, 224×224", [1, 3, 224, 224], [64, 3, 7, 7], {
    pads: [3, 3, 3, 3],
    strides: [2, 2],
  }),
  convLayer("conv 1×1, 256 → 64, 56×56", [1, 256, 56, 56], [64, 256, 1, 1]),
  convLayer("conv 3×3, 64 → 1, 160×160", [1, 64, 160, 160], [1, 64, 3, 3], pad1),
  convLayer("conv 3×3, 1 → 64, 160×160", [1, 1, 160, 160], [64, 1, 3, 3], pad1),
  convLayer("depthwise 3×3, 64, 56×56", [1, 64, 56, 56], [64, 1, 3, 3], { ...pad1, group: 64 }),
  convLayer("depthwise 3×3 stride 2, 64, 60×80", [1, 64, 60, 80], [64, 1, 3, 3], {
    ...pad1,
    group: 64,
    strides: [2, 2],
  }),
  convLayer("conv 3×3, 64 → 64, 8 groups, 56×56", [1, 64, 56, 56], [64, 8, 3, 3], { ...pad1, group: 8 }),
  convLayer("conv 3×1, 64 → 64, 56×56", [1, 64, 56, 56], [64, 64, 3, 1], { pads: [1, 0, 1, 0] }),
  convLayer("conv 3×3×3, 16 → 16, 16×28×28", [1, 16, 16, 28, 28], [16, 16, 3, 3, 3], {
    pads: [1, 1, 1, 1, 1, 1],
  }),
  transposedLayer("transposed 3×3 stride 2, 128 → 64, 56×56", [1, 128, 56, 56], [128, 64, 3, 3], 2),
  matrixLayer("matrix 512 × 512 × 512", 512, 512, 512, false),
  matrixLayer("fully connected 4096 → 1000, batch 1", 1, 4096, 1000, true),
  matrixLayer("fully connected 4096 → 1000, batch 16", 16, 4096, 1000, true),
  matrixLayer("vector × matrix 4096 × 1000", 1, 4096, 1000, false),
];

const wanted = process.argv[2] ?? "";
console.log(`engine: ${panelEngine().name}`);
for (const layer of layers.filter(({ name }) => name.includes(wanted))) {
  let best = Infinity;
  const until = performance.now() + 600;
  for (let i = 0; i < 5 || performance.now() < until; i++) {
    const start = process.cpuUsage();
    layer.run();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  const rate = (layer.macs / best / 1e6).toFixed(2);
  console.log(`${layer.name.padEnd(44)} ${best.toFixed(2).padStart(9)} ms ${rate.padStart(6)} GMAC/s`);
}
