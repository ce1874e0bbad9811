import { wholeTiles } from "../../linalg/panels.js";
import { packStrided } from "../../linalg/product.js";
import { instantiate, type WasmInstance } from "../../linalg/wasm-instance.js";
import type { ConvolutionOperands } from "./convolution.js";
import { fewTile, fillFunction, multiplyFunction, sumFunction } from "./simd-code.js";
import { fewChannels, planTile, type TilePlan } from "./simd-plan.js";

type Kernels = WasmInstance<"fill" | "sum" | "multiply">;

let compiled: Kernels | null | undefined;

/** Compiled on first use; null where the platform can't. */
function simdKernels(): Kernels | null {
  if (compiled === undefined) compiled = instantiate([fillFunction(), sumFunction(), multiplyFunction()]);
  return compiled;
}

/**
 * The convolution of float32 arrays over up to two spatial axes on 128-bit registers, bit for bit what `convolve` computes;
 * false, and nothing done, where the platform or the operands are not of the kind.
 */
export function convolveSimd(operands: ConvolutionOperands): boolean {
  const { geometry, x, xDims, y } = operands;
  if (!(x instanceof Float32Array && y instanceof Float32Array)) return false;
  const kernels = simdKernels();
  const plan = kernels && planTile(geometry, xDims);
  if (!plan) return false;
  run({ ...operands, x, y }, plan, kernels);
  return true;
}

interface FloatOperands extends ConvolutionOperands {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/** Byte addresses of what lies in the kernels' memory. */
interface Places {
  readonly limits: number;
  readonly bias: number;
  /** All taps for few channels, else a block of rows of the weight in panels. */
  readonly weight: number;
  readonly offsets: number;
  readonly starts: number;
  readonly panel: number;
  readonly band: number;
  readonly raw: number;
  readonly y: number;
  readonly end: number;
}

function placesOf(plan: TilePlan, outChannels: number): Places {
  let end = 0;
  const place = (bytes: number): number => {
    const at = end;
    end += Math.ceil(bytes / 16) * 16;
    return at;
  };
  const { depth, perGroup, groups, channels } = plan;
  const cols = plan.bandRows * plan.width;
  const few = perGroup <= fewChannels;
  return {
    limits: place(8),
    bias: place(8 * (outChannels + plan.rowBlock)),
    weight: place(8 * depth * (few ? outChannels : plan.rowBlock)),
    offsets: place(4 * depth),
    starts: place(few ? 0 : 4 * wholeTiles(cols)),
    panel: place(few ? 0 : 8 * depth * wholeTiles(1)),
    // Tiles at an end read and write past it.
    band: place(8 * (groups * channels * plan.channelStride + fewTile)),
    raw: place(4 * groups * channels * plan.sourceRows * plan.sourceWidth),
    y: place(4 * ((groups * perGroup + wholeTiles(1)) * cols + fewTile)),
    get end() {
      return end;
    },
  };
}

let floats = new Float32Array(0);
let doubles = new Float64Array(0);
let integers = new Int32Array(0);

function viewMemory(buffer: ArrayBuffer): void {
  if (floats.buffer === buffer) return;
  floats = new Float32Array(buffer);
  doubles = new Float64Array(buffer);
  integers = new Int32Array(buffer);
}

function run(operands: FloatOperands, plan: TilePlan, kernels: Kernels): void {
  const { geometry, xDims, weight, bias, rectified } = operands;
  const { outChannels, group } = geometry;
  const { depth, perGroup } = plan;
  const places = placesOf(plan, outChannels);
  viewMemory(kernels.reserve(places.end));
  // Below the first nothing is stored; the second makes −0 a 0, or leaves it alone.
  floats.set(rectified ? [0, 0] : [-Infinity, -0], places.limits / 4);
  for (let o = 0; o < outChannels; o++) doubles[places.bias / 8 + o] = bias ? bias[o]! : 0;
  integers.set(plan.offsets, places.offsets / 4);
  const few = perGroup <= fewChannels;
  if (few) {
    for (let i = 0; i < outChannels * depth; i++) doubles[places.weight / 8 + i] = weight[i]!;
  } else {
    const starts = plan.starts();
    integers.set(starts, places.starts / 4);
    integers.fill(starts.at(-1)!, places.starts / 4 + starts.length, places.panel / 4);
  }
  let zeroed = -1;
  const packer = weightPacker(operands, plan, places);
  for (let n = 0; n < xDims[0]!; n++) {
    for (let g = 0; g < group; g += plan.groups) {
      const groups = Math.min(plan.groups, group - g);
      for (let row = 0; row < plan.height; row += plan.bandRows) {
        const rows = Math.min(plan.bandRows, plan.height - row);
        if (plan.padded && zeroed !== row) {
          doubles.fill(0, places.band / 8, places.raw / 8);
          zeroed = row;
        }
        fillBand(operands, plan, places, kernels, n, g, groups, row);
        const at = { g, groups, rows };
        if (few) sumFew(plan, places, kernels, at);
        else multiplyGroups(plan, places, kernels, at, packer);
        copyOut(operands, plan, places, n, g, groups, row, rows);
      }
    }
  }
}

/** Copies the input rows that output rows from `row` on see, and widens and pads them. */
function fillBand(
  { x, geometry }: FloatOperands,
  plan: TilePlan,
  places: Places,
  { run: { fill } }: Kernels,
  n: number,
  g: number,
  groups: number,
  row: number,
): void {
  const { channels, sourceWidth, channelStride, rowStride } = plan;
  const first = row * plan.down - plan.top;
  const low = Math.max(0, first);
  const rows = Math.min(plan.sourceHeight, first + plan.bandHeight) - low;
  if (rows <= 0) return;
  const count = groups * channels;
  const size = plan.sourceHeight * sourceWidth;
  const length = rows * sourceWidth;
  const from = (n * geometry.inChannels + g * channels) * size + low * sourceWidth;
  if (length === size) floats.set(x.subarray(from, from + count * size), places.raw / 4);
  else {
    for (let c = 0; c < count; c++)
      floats.set(x.subarray(from + c * size, from + c * size + length), places.raw / 4 + c * length);
  }
  const to = places.band + 8 * (low - first) * rowStride;
  for (const { phase, skipped, source, length: each } of plan.phases) {
    if (each === 0) continue;
    // Rows without padding between them are one.
    const joined = each === rowStride && each === sourceWidth;
    fill(
      ...[to + 8 * (phase * plan.phaseWidth + skipped), places.raw + 4 * source],
      ...[count, joined ? 1 : rows, joined ? rows * each : each],
      ...[8 * channelStride, 8 * rowStride, 4 * length, 4 * sourceWidth, 4 * plan.across],
    );
  }
}

interface Block {
  readonly g: number;
  readonly groups: number;
  readonly rows: number;
}

function sumFew(plan: TilePlan, places: Places, { run: { sum } }: Kernels, { g, groups, rows }: Block): void {
  const { perGroup, depth, width } = plan;
  const cols = rows * width;
  const bandPlane = 8 * plan.channels * plan.channelStride;
  // Output channels in ascending order: the end of each is cleared of what is too much by the next one.
  const [calls, planes] = perGroup === 1 ? [1, groups] : [groups * perGroup, 1];
  for (let i = 0; i < calls; i++) {
    const o = g * perGroup + i;
    sum(
      ...[places.band + Math.floor(i / perGroup) * bandPlane, places.weight + 8 * o * depth],
      ...[places.offsets, depth, places.y + 4 * i * cols, rows, width, 8 * plan.down * plan.rowStride],
      ...[planes, bandPlane, 8 * depth, 4 * cols, places.bias + 8 * o, 8, places.limits],
    );
  }
}

type PackRows = (g: number, first: number, rows: number) => void;

/** Packs rows of a group's weight, unless they are what was packed last. */
function weightPacker(
  { weight }: FloatOperands,
  { depth, perGroup }: TilePlan,
  { weight: place }: Places,
): PackRows {
  let packed = -1;
  return (g, first, rows) => {
    const row = g * perGroup + first;
    if (packed === row) return;
    packed = row;
    packStrided(weight, row * depth, depth, 1)(doubles.subarray(place / 8), 0, rows, 0, depth);
  };
}

function multiplyGroups(
  plan: TilePlan,
  places: Places,
  { run: { multiply } }: Kernels,
  { g, groups, rows }: Block,
  pack: PackRows,
): void {
  const { perGroup, depth, rowBlock } = plan;
  const cols = rows * plan.width;
  for (let i = 0; i < groups; i++) {
    const band = places.band + 8 * i * plan.channels * plan.channelStride;
    for (let r = 0; r < perGroup; r += rowBlock) {
      const count = Math.min(rowBlock, perGroup - r);
      const o = i * perGroup + r;
      pack(g + i, r, count);
      multiply(
        ...[places.weight, band, places.panel, places.starts, places.offsets, depth],
        ...[wholeTiles(count), wholeTiles(cols), places.y + 4 * o * cols, 4 * cols],
        ...[places.bias + 8 * (g * perGroup + o), places.limits],
      );
    }
  }
}

function copyOut(
  { y, geometry: { outChannels } }: FloatOperands,
  { perGroup, height, width }: TilePlan,
  places: Places,
  n: number,
  g: number,
  groups: number,
  row: number,
  rows: number,
): void {
  const size = height * width;
  const to = (n * outChannels + g * perGroup) * size;
  const from = places.y / 4;
  const count = groups * perGroup;
  if (rows === height) {
    y.set(floats.subarray(from, from + count * size), to);
    return;
  }
  const cols = rows * width;
  for (let o = 0; o < count; o++)
    y.set(floats.subarray(from + o * cols, from + (o + 1) * cols), to + o * size + row * width);
}
