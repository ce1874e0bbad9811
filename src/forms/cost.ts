import { outputSize, tapCount, weightSize } from "./chain.js";
import type { ConvSpec, StagePlan } from "./form.js";

/** Cost of a form: multiply–accumulates for one sample (no bias, nothing elementwise) and weight elements. */
export interface FormCost {
  readonly macs: number;
  readonly params: number;
}

/** MACs of one conv whose output has `pixels` positions: O · I/g · taps · pixels. */
export function convMacs(spec: ConvSpec, pixels: number): number {
  return weightSize(spec) * pixels;
}

/**
 * Cost of chains that read an input of spatial size `inputShape`. `groups` is the layer's own group count: every group
 * gets a form of this geometry.
 */
export function formCost(
  branches: readonly (readonly StagePlan[])[],
  inputShape: readonly number[],
  groups = 1,
): FormCost {
  let macs = 0;
  let params = 0;
  for (const chain of branches) {
    let shape = inputShape;
    for (const { spec } of chain) {
      shape = shape.map((size, axis) => outputSize(spec, axis, size));
      macs += convMacs(
        spec,
        shape.reduce((product, size) => product * size, 1),
      );
      params += weightSize(spec);
    }
  }
  return { macs: macs * groups, params: params * groups };
}

/** True when `spec` has one tap on every axis. */
export function isPointwise(spec: ConvSpec): boolean {
  return tapCount(spec) === 1;
}
