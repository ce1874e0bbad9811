import { ModelError, type Dim } from "../ir/index.js";
import { attributeError, formatShape, shapeError, type Site } from "./operand.js";

/* Sliding windows along spatial axes, as convolutions and pools share them. */

/** The attributes of a sliding window; each defaults to ones (or zero pads) along every spatial axis. */
export interface WindowAttributes {
  readonly auto_pad?: string | null;
  readonly kernel_shape?: readonly number[] | null;
  readonly strides?: readonly number[] | null;
  readonly dilations?: readonly number[] | null;
  readonly pads?: readonly number[] | null;
}

/** Lists with one entry per spatial axis, checked; `pads` still as written: begins, then ends. */
export interface WindowSteps {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly autoPad: AutoPad;
}

export type AutoPad = "NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER";

/** Errors of functions that may be called outside of any node. */
export function geometryError(site: Site | undefined, what: string, hint?: string): ModelError {
  return site
    ? shapeError(site, what, hint)
    : new ModelError("E_SHAPE", what, hint === undefined ? {} : { hint });
}

function badAttribute(site: Site | undefined, what: string): ModelError {
  return site ? attributeError(site, what) : new ModelError("E_ATTRIBUTE", what);
}

/** A list attribute of `count` integers ≥ `least`; `fallback` in each place when it is absent. */
export function axisList(
  site: Site | undefined,
  name: string,
  list: readonly number[] | null | undefined,
  count: number,
  fallback: number,
  least = fallback,
): readonly number[] {
  if (!list || (list.length === 0 && count > 0)) return Array<number>(count).fill(fallback);
  if (list.length !== count) {
    throw geometryError(site, `${name} [${list.join(", ")}] has ${list.length} entries, ${count} are needed`);
  }
  if (!list.every((entry) => Number.isSafeInteger(entry) && entry >= least)) {
    throw badAttribute(site, `${name} [${list.join(", ")}] must be integers ≥ ${least}`);
  }
  return list;
}

function autoPadOf(site: Site | undefined, name: string | null | undefined): AutoPad {
  if (name === null || name === undefined || name === "" || name === "NOTSET") return "NOTSET";
  if (name === "VALID" || name === "SAME_UPPER" || name === "SAME_LOWER") return name;
  throw badAttribute(
    site,
    `auto_pad ${JSON.stringify(name)} is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER`,
  );
}

/** Checks strides, dilations and pads for `rank` spatial axes. Pads are ignored under any auto_pad but NOTSET. */
export function windowSteps(attributes: WindowAttributes, rank: number, site?: Site): WindowSteps {
  const autoPad = autoPadOf(site, attributes.auto_pad);
  return {
    strides: axisList(site, "strides", attributes.strides, rank, 1),
    dilations: axisList(site, "dilations", attributes.dilations, rank, 1),
    pads: axisList(site, "pads", autoPad === "NOTSET" ? attributes.pads : null, 2 * rank, 0),
    autoPad,
  };
}

/** Begin and end pad and the number of windows along one axis; null where an unknown dimension decides. */
export interface AxisWindows {
  readonly begin: number | null;
  readonly end: number | null;
  readonly count: Dim;
}

/**
 * Windows along one axis of length `length`, after the formulas of the ONNX operator Conv (and of the pools with
 * ceil_mode: a last, partial window counts when it starts inside the input or its begin pad). A symbolic length
 * survives where windows are as many as elements.
 */
export function axisWindows(
  steps: WindowSteps,
  axis: number,
  length: Dim,
  kernel: number,
  ceilMode = false,
  site?: Site,
): AxisWindows {
  const rank = steps.strides.length;
  const stride = steps.strides[axis]!;
  const extent = (kernel - 1) * steps.dilations[axis]! + 1;
  if (steps.autoPad === "SAME_UPPER" || steps.autoPad === "SAME_LOWER") {
    if (typeof length !== "number" && stride > 1) return { begin: null, end: null, count: null };
    const count = typeof length === "number" ? Math.ceil(length / stride) : length;
    const total =
      typeof length === "number"
        ? Math.max(0, (Math.ceil(length / stride) - 1) * stride + extent - length)
        : extent - 1;
    const small = Math.floor(total / 2);
    const begin = steps.autoPad === "SAME_UPPER" ? small : total - small;
    return { begin, end: total - begin, count };
  }
  const begin = steps.pads[axis]!;
  const end = steps.pads[rank + axis]!;
  if (typeof length !== "number") {
    return { begin, end, count: stride === 1 && begin + end === extent - 1 ? length : null };
  }
  const span = length + begin + end - extent;
  if (span < 0) {
    throw geometryError(
      site,
      `the kernel spans ${extent} along spatial axis ${axis}, the padded input only ${length + begin + end}` +
        ` (input ${length}, pads ${begin} and ${end})`,
    );
  }
  let count = (ceilMode ? Math.ceil(span / stride) : Math.floor(span / stride)) + 1;
  if (ceilMode && (count - 1) * stride >= length + begin) count--;
  return { begin, end, count };
}

/** All axes at once: pads (begins, then ends; null when any is unknown) and window counts. */
export function resolveWindows(
  steps: WindowSteps,
  spatial: readonly Dim[],
  kernel: readonly number[],
  ceilMode = false,
  site?: Site,
): { readonly pads: readonly number[] | null; readonly counts: readonly Dim[] } {
  const axes = spatial.map((length, axis) => axisWindows(steps, axis, length, kernel[axis]!, ceilMode, site));
  const pads = [...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)];
  return {
    pads: pads.every((pad): pad is number => pad !== null) ? pads : null,
    counts: axes.map(({ count }) => count),
  };
}

/** Elements above which an output is refused before anything is allocated. */
const mostElements = 2 ** 30;

/** Refuses shapes that no machine here can hold: a ModelError instead of a failed allocation. */
export function checkElements(site: Site | undefined, shape: readonly Dim[]): void {
  let count = 1;
  for (const dim of shape) if (typeof dim === "number") count *= dim;
  if (count > mostElements) {
    throw geometryError(
      site,
      `the output ${formatShape(shape)} has ${count} elements, the limit is ${mostElements}`,
    );
  }
}
