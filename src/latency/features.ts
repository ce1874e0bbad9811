import { elementCount } from "../ir/index.js";
import {
  stepShapes,
  tapCount,
  weightSize,
  type ConvLayer,
  type ConvSpec,
  type Operand,
  type Program,
} from "../forms/index.js";

/*
 * What an estimate of a graph's time is made of: multiply–accumulates by kind of convolution, bytes moved, nodes. A
 * runtime with activations in blocks of channels is assumed: convolutions outside its rules are "generic", and values
 * that change between layouts are moved once more.
 */

/** In the order of a profile's numbers. */
export const featureNames = ["dense", "pointwise", "depthwise", "generic", "bytes", "nodes"] as const;
export type Features = readonly number[];

/** Channels of a block, and the multiple that inputs of ungrouped convolutions need. */
const block = 16;
const multiple = 4;

export const noFeatures: Features = featureNames.map(() => 0);

export function addFeatures(a: Features, b: Features, factor = 1): Features {
  return a.map((value, i) => value + factor * b[i]!);
}

type Kind = "dense" | "pointwise" | "depthwise" | "generic";

export function convKind(spec: ConvSpec): Kind {
  const { kernel, group, inChannels, outChannels } = spec;
  if (kernel.length !== 2) return kernel.length === 0 ? "pointwise" : "generic";
  if (group === 1) {
    if (inChannels >= block && inChannels % multiple !== 0) return "generic";
    return tapCount(spec) === 1 ? "pointwise" : "dense";
  }
  if (group === inChannels && group === outChannels) return group % multiple === 0 ? "depthwise" : "generic";
  return [inChannels, outChannels].every((channels) => (channels / group) % block === 0)
    ? "dense"
    : "generic";
}

/** Features of one convolution on `batch` samples, without conversions of the layout. */
export function convFeatures(spec: ConvSpec, inPixels: number, outPixels: number, batch = 1): Features {
  const macs = weightSize(spec) * outPixels * batch;
  const values = (spec.inChannels * inPixels + spec.outChannels * outPixels) * batch + weightSize(spec);
  return features({ [convKind(spec)]: macs, bytes: 4 * values, nodes: 1 });
}

export function features(values: Partial<Record<(typeof featureNames)[number], number>>): Features {
  return featureNames.map((name) => values[name] ?? 0);
}

/** Features of a program in place of a layer whose surroundings are in blocked layout. */
export function programFeatures(program: Program, layer: ConvLayer, batch = 1): Features {
  const shapes = stepShapes(program, layer);
  const places = (operand: Operand): number =>
    elementCount(
      operand === "input" ? layer.inputShape : operand === "shortcut" ? layer.outputShape : shapes[operand]!,
    );
  const channels = new Map<Operand, number>([
    ["input", layer.spec.inChannels],
    ["shortcut", layer.spec.outChannels],
  ]);
  const blocked = new Map<Operand, boolean>([
    ["input", true],
    ["shortcut", true],
  ]);
  let total = noFeatures;
  const converted = new Set<string>();
  const size = (operand: Operand): number => 4 * channels.get(operand)! * places(operand) * batch;
  const need = (operand: Operand, inBlocks: boolean): void => {
    const key = `${operand} ${inBlocks}`;
    if (blocked.get(operand) === inBlocks || converted.has(key)) return;
    converted.add(key);
    total = addFeatures(total, features({ bytes: 2 * size(operand), nodes: 1 }));
  };
  for (const [n, step] of program.steps.entries()) {
    const inBlocks = ((): boolean => {
      switch (step.op) {
        case "conv": {
          const { spec } = step.stage;
          const [from] = step.inputs;
          const kind = convKind(spec);
          channels.set(n, spec.outChannels);
          // Few input channels are read as they are.
          need(from, kind !== "generic" && spec.inChannels >= block);
          total = addFeatures(total, convFeatures(spec, places(from), places(n), batch));
          return kind !== "generic" && spec.kernel.length === 2;
        }
        case "slice":
          channels.set(n, step.to - step.from);
          return false;
        case "concat": {
          const parts = step.inputs.map((operand) => channels.get(operand)!);
          channels.set(
            n,
            parts.reduce((sum, width) => sum + width, 0),
          );
          return (
            step.inputs.every((operand) => blocked.get(operand)) &&
            parts.every((width) => width % block === 0)
          );
        }
        case "add":
          channels.set(n, channels.get(step.inputs[0])!);
          return step.inputs.every((operand) => blocked.get(operand));
        case "order":
          channels.set(n, channels.get(step.inputs[0])!);
          return false;
      }
    })();
    blocked.set(n, inBlocks);
    if (step.op === "conv") continue;
    for (const operand of step.inputs) need(operand, inBlocks);
    // A sum in blocked layout is added by the convolution that made one operand.
    const fused = step.op === "add" && inBlocks;
    total = addFeatures(total, features(fused ? { bytes: size(n) } : { bytes: 2 * size(n), nodes: 1 }));
  }
  need(program.result, true);
  return total;
}
