import { wholeTiles } from "../../linalg/panels.js";
import type { KnownConvGeometry } from "../conv-geometry.js";
import { tableOf } from "./band.js";

/** Output channels per group up to which patches are summed in place instead of being packed. */
export const fewChannels = 2;

/** Padded input, output and weight held at a time, in elements; single rows may take more, up to `most`. */
const bandElements = 2 ** 16;
const outputElements = 2 ** 18;
const weightElements = 2 ** 18;
const most = 2 ** 21;

/** Columns that a row needs to fill registers. */
const leastWidth = 4;

/**
 * How a convolution over two axes is cut into bands of output rows and blocks of groups. In a band, the columns of a padded
 * row are ordered by their remainder of the stride («phases»), so that the columns that one tap meets are neighbours
 * whatever the stride.
 */
export interface TilePlan {
  readonly channels: number;
  readonly perGroup: number;
  /** Entries of the weight per output channel. */
  readonly depth: number;
  readonly sourceHeight: number;
  readonly sourceWidth: number;
  /** The output's. */
  readonly height: number;
  readonly width: number;
  readonly down: number;
  readonly across: number;
  /** Padded rows above the input. */
  readonly top: number;
  readonly phaseWidth: number;
  readonly phases: readonly Phase[];
  /** In elements of the band. */
  readonly rowStride: number;
  readonly channelStride: number;
  /** Whether anything of a band may not be covered by the input. */
  readonly padded: boolean;
  /** Output rows of a band, padded input rows of one, and the most that it holds of the input's own. */
  readonly bandRows: number;
  readonly bandHeight: number;
  readonly sourceRows: number;
  /** Groups and, where there are more than a few, output channels at a time. */
  readonly groups: number;
  readonly rowBlock: number;
  /** Byte offsets of the entries of a patch, in the weight's order. */
  readonly offsets: Int32Array;
  /** Byte offsets of a band's patches. */
  starts(): Int32Array;
}

/** Columns of a padded row with one remainder: the input's `length` columns from `source` on, behind `skipped` zeros. */
export interface Phase {
  readonly phase: number;
  readonly skipped: number;
  readonly source: number;
  readonly length: number;
}

interface Plane {
  readonly spatial: readonly [number, number];
  readonly out: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly [number, number];
}

/** The convolution over two axes; null for more. */
function planeOf(g: KnownConvGeometry, xDims: readonly number[]): Plane | null {
  const rank = g.kernel.length;
  if (rank > 2) return null;
  const two = (list: readonly number[], missing: number): [number, number] => {
    const known = list.slice(0, rank);
    return [known.at(-2) ?? missing, known.at(-1) ?? missing];
  };
  return {
    spatial: two(xDims.slice(2), 1),
    out: two(g.outputShape.slice(2), 1),
    kernel: two(g.kernel, 1),
    strides: two(g.strides, 1),
    dilations: two(g.dilations, 1),
    pads: two(g.pads, 0),
  };
}

/** Null for what the kernels in TypeScript are better at, and for what takes more scratch than one convolution should. */
export function planTile(geometry: KnownConvGeometry, xDims: readonly number[]): TilePlan | null {
  const plane = planeOf(geometry, xDims);
  if (!plane) return null;
  const { spatial, out, kernel, strides, dilations, pads } = plane;
  const { group } = geometry;
  const channels = geometry.inChannels / group;
  const perGroup = geometry.outChannels / group;
  const depth = channels * kernel[0] * kernel[1];
  const [height, width] = out;
  if (depth === 0 || (perGroup <= fewChannels && width < leastWidth)) return null;
  const paddedWidth = (width - 1) * strides[1] + (kernel[1] - 1) * dilations[1] + 1;
  const phaseWidth = Math.ceil(paddedWidth / strides[1]);
  const rowStride = strides[1] * phaseWidth;
  const extent = (kernel[0] - 1) * dilations[0] + 1;
  const fit = Math.floor((bandElements / (channels * rowStride) - extent) / strides[0]) + 1;
  const bandRows = Math.max(1, Math.min(height, fit, Math.floor(outputElements / (perGroup * width))));
  const bandHeight = (bandRows - 1) * strides[0] + extent;
  const channelStride = bandHeight * rowStride;
  const outputs = perGroup * bandRows * width;
  if (channels * channelStride > most || outputs > most || depth * wholeTiles(1) > most) return null;
  const groups = Math.min(
    Math.floor(bandElements / (channels * channelStride)),
    Math.floor(outputElements / outputs),
  );
  const rowBlock = wholeTiles(Math.max(1, Math.floor(weightElements / depth)));
  const phases = phasesOf(plane, phaseWidth);
  const covered =
    phases.every(({ length }) => length === phaseWidth) &&
    pads[0] <= 0 &&
    (height - 1) * strides[0] + extent <= pads[0] + spatial[0];
  const column = (tap: number): number => {
    const at = tap * dilations[1];
    return (at % strides[1]) * phaseWidth + Math.floor(at / strides[1]);
  };
  const columns = Array.from({ length: kernel[1] }, (_, tap) => column(tap));
  const rows = tableOf([channels, kernel[0]], [channelStride, dilations[0] * rowStride]);
  return {
    channels,
    perGroup,
    depth,
    sourceHeight: spatial[0],
    sourceWidth: spatial[1],
    height,
    width,
    down: strides[0],
    across: strides[1],
    top: pads[0],
    phaseWidth,
    phases,
    rowStride,
    channelStride,
    padded: !covered,
    bandRows,
    bandHeight,
    sourceRows: Math.min(bandHeight, spatial[0]),
    groups: Math.max(1, Math.min(group, groups)),
    rowBlock: Math.min(rowBlock, wholeTiles(perGroup)),
    offsets: Int32Array.from({ length: depth }, (_, k) => {
      const row = Math.floor(k / kernel[1]);
      return 8 * (rows[row]! + columns[k - row * kernel[1]]!);
    }),
    starts: () => tableOf([bandRows, width], [8 * strides[0] * rowStride, 8]),
  };
}

/** Phases that some tap meets and that hold anything of the input. */
function phasesOf(
  { spatial, kernel, strides, dilations, pads }: Plane,
  phaseWidth: number,
): readonly Phase[] {
  const step = strides[1];
  const met = new Set(Array.from({ length: kernel[1] }, (_, tap) => (tap * dilations[1]) % step));
  return [...met].map((phase) => {
    const skipped = Math.max(0, Math.ceil((pads[1] - phase) / step));
    const end = Math.min(phaseWidth, Math.floor((spatial[1] - 1 + pads[1] - phase) / step) + 1);
    const source = skipped * step + phase - pads[1];
    return { phase, skipped, source, length: Math.max(0, end - skipped) };
  });
}
