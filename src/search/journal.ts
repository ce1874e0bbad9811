import type { FormFamily } from "../engine/index.js";
import type { FitTarget, ConvLayer, Form } from "../forms/index.js";
import { Tensor } from "../ir/index.js";
import type { Allocation } from "./allocation.js";
import {
  proposalsFor,
  standardCandidate,
  type Candidate,
  type LayerCandidates,
  type SizeChoice,
} from "./candidates.js";
import type { LayerSlot } from "./layers.js";
import type { FittedLayer } from "./refit.js";
import type { Sensitivity } from "./sensitivity.js";
import type { Solution } from "./search.js";

/*
 * Finished units of a search as plain values, so that an interrupted search goes on where it stopped: the candidates of
 * a layer, its sensitivity, the solution of a budget. Plans are functions and are proposed anew; only what was computed
 * for them is kept, in full precision.
 */

/** JSON with arrays of numbers as further leaves. Plain numbers are finite. */
export type JournalValue =
  | null
  | boolean
  | number
  | string
  | Float64Array
  | Float32Array
  | Int32Array
  | readonly JournalValue[]
  | { readonly [key: string]: JournalValue };

/** Where finished units are kept, by name. */
export interface Journal {
  /** Undefined when the unit isn't there. */
  read(unit: string): JournalValue | undefined;
  write(unit: string, value: JournalValue): void;
}

/** The unit's value where the journal has it in a form that `decode` understands, else what `make` gives, written down. */
export async function resumed<T>(
  journal: Journal | null,
  unit: string,
  codec: { readonly encode: (made: T) => JournalValue; readonly decode: (value: JournalValue) => T },
  make: () => Promise<T>,
): Promise<T> {
  const kept = journal?.read(unit);
  if (kept !== undefined) {
    try {
      return codec.decode(kept);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
    }
  }
  const made = await make();
  journal?.write(unit, codec.encode(made));
  return made;
}

/** A value that isn't of the form that is expected: written for other passes, or by another version. */
class Mismatch extends Error {}

export function candidatesCodec(
  layer: ConvLayer,
  targets: readonly FitTarget[],
  families: readonly FormFamily[],
  sizes: SizeChoice,
) {
  return {
    encode: ({ tried, front }: LayerCandidates): JournalValue => ({
      errors: Float64Array.from(tried, ({ error }) => error),
      expected: Float64Array.from(tried, ({ expected }) => expected),
      front: Int32Array.from(front, ({ plan }) => tried.findIndex((other) => other.plan === plan)),
      forms: front.map(({ forms }) => forms.map(encodeWeights)),
    }),
    decode: (value: JournalValue): LayerCandidates => {
      const { plans, declined } = proposalsFor(layer, families, sizes);
      const errors = floats(field(value, "errors"));
      const expected = floats(field(value, "expected"));
      if (errors.length !== plans.length || expected.length !== plans.length) throw new Mismatch();
      const tried = plans.map((proposal, i) => ({
        ...proposal,
        error: errors[i]!,
        expected: expected[i]!,
      }));
      const forms = list(field(value, "forms"));
      const front = Array.from(integers(field(value, "front")), (index, f): Candidate => {
        const own = tried[index];
        if (!own) throw new Mismatch();
        const templates = targets.map(() => own.plan);
        return { ...own, forms: decodeForms(forms[f], templates), latency: null };
      });
      return { layer, targets, standard: standardCandidate(layer, targets), front, tried, declined };
    },
  };
}

export const sensitivityCodec = {
  encode: ({ points }: Sensitivity): JournalValue => ({
    errors: Float64Array.from(points, ({ error }) => error),
    losses: Float64Array.from(points, ({ loss }) => loss),
  }),
  decode: (value: JournalValue): Sensitivity => {
    const losses = floats(field(value, "losses"));
    const errors = [...floats(field(value, "errors"))];
    if (errors.length !== losses.length) throw new Mismatch();
    return { points: errors.map((error, i) => ({ error, loss: losses[i]! })) };
  },
};

/** Numbers by name. */
export const namedNumbersCodec = {
  encode: (numbers: ReadonlyMap<string, ArrayLike<number>>): JournalValue => ({
    names: [...numbers.keys()],
    numbers: [...numbers.values()].map((own) => Float64Array.from(own)),
  }),
  decode: (value: JournalValue): Map<string, Float64Array> => {
    const numbers = list(field(value, "numbers")).map(floats);
    const names = list(field(value, "names"));
    if (names.length !== numbers.length) throw new Mismatch();
    return new Map(numbers.map((own, i) => [String(names[i]), own]));
  },
};

/** Solutions refer to candidates by their place among those that were tried, counted from 1; 0 is the layer as it is. */
export function placeOf({ plan }: Candidate, { tried }: LayerCandidates): number {
  return plan === null ? 0 : tried.findIndex((other) => other.plan === plan) + 1 || -1;
}

export function solutionCodec(slots: readonly LayerSlot[], layers: readonly LayerCandidates[]) {
  return {
    encode: (solution: Solution | null): JournalValue => {
      if (!solution) return null;
      const { allocation, fitted, measured } = solution;
      return {
        chosen: Int32Array.from(allocation.chosen, (candidate, l) => placeOf(candidate, layers[l]!)),
        loss: Float64Array.of(allocation.loss),
        missed: Number(allocation.missed ?? false),
        layers: fitted.map(({ slot, candidate, bias, weights }) => ({
          index: slot.index,
          place: placeOf(candidate, layers[slot.index]!),
          error: Float64Array.of(candidate.error),
          forms: candidate.forms.map(encodeWeights),
          bias,
          weight: numbersOf(weights.weight),
          rounded: numbersOf(weights.bias),
        })),
        measured: Float64Array.of(measured.divergence, measured.relativeError),
        agreement: measured.agreement,
      };
    },
    decode: (value: JournalValue): Solution | null => {
      if (value === null) return null;
      const chosen = Array.from(integers(field(value, "chosen")), (place, l): Candidate => {
        const layer = layers[l];
        if (place === 0 && layer) return layer.standard;
        const found = layer?.front.find(({ plan }) => plan === layer.tried[place - 1]?.plan);
        if (!found) throw new Mismatch();
        return found;
      });
      const fitted = list(field(value, "layers")).map((one): FittedLayer => {
        const slot = slots[integer(field(one, "index"))];
        const layer = slot && layers[slot.index];
        const place = integer(field(one, "place"));
        const own = place === 0 ? layer?.standard : layer?.tried[place - 1];
        if (!slot || !own || !layer) throw new Mismatch();
        const templates = layer.targets.map((_, g) => own.plan ?? layer.standard.forms[g]!);
        const forms = decodeForms(field(one, "forms"), templates);
        const latency = chosen[slot.index]!.latency;
        const error = floats(field(one, "error"))[0] ?? NaN;
        const candidate = { ...own, error, expected: error, forms, latency };
        const { dtype, spec } = slot.layer;
        const weights = {
          weight: Tensor.floats(dtype, slot.weightDims, numeric(field(one, "weight"))),
          bias: Tensor.floats(dtype, [spec.outChannels], numeric(field(one, "rounded"))),
        };
        return { slot, candidate, bias: floats(field(one, "bias")), weights };
      });
      const [divergence = NaN, relativeError = NaN] = floats(field(value, "measured"));
      const agreement = field(value, "agreement");
      if (agreement !== null && typeof agreement !== "number") throw new Mismatch();
      const allocation: Allocation = {
        ...{ chosen, loss: floats(field(value, "loss"))[0] ?? NaN },
        ...(integer(field(value, "missed")) ? { missed: true } : {}),
      };
      return { allocation, fitted, measured: { divergence, relativeError, agreement } };
    },
  };
}

function encodeWeights({ branches, inputOrder, outputOrder }: Form): JournalValue {
  return {
    weights: branches.map((chain) => chain.map(({ weight }) => weight)),
    ...(inputOrder ? { inputOrder } : {}),
    ...(outputOrder ? { outputOrder } : {}),
  };
}

/** Forms with the weights of a unit on the stages of their plans, one per group. */
function decodeForms(
  value: JournalValue | undefined,
  templates: readonly (Pick<Form, "name" | "size" | "terms"> &
    Pick<NonNullable<Candidate["plan"]>, "branches">)[],
): Form[] {
  const all = list(value);
  if (all.length !== templates.length) throw new Mismatch();
  return all.map((one, g): Form => {
    const { name, size, terms, branches } = templates[g]!;
    const kept = list(field(one, "weights")).map((chain) => list(chain).map(floats));
    if (kept.length !== branches.length) throw new Mismatch();
    const order = (key: string): Int32Array | undefined => {
      const found = optionalField(one, key);
      return found === undefined ? undefined : integers(found);
    };
    const [inputOrder, outputOrder] = [order("inputOrder"), order("outputOrder")];
    return {
      name,
      size,
      terms,
      branches: branches.map((stages, b) => {
        if (kept[b]!.length !== stages.length) throw new Mismatch();
        return stages.map(({ spec, taps }, s) => ({ spec, taps, weight: kept[b]![s]! }));
      }),
      ...(inputOrder ? { inputOrder } : {}),
      ...(outputOrder ? { outputOrder } : {}),
    };
  });
}

function numbersOf(tensor: Tensor): Float32Array | Float64Array {
  const { numbers } = tensor;
  return numbers instanceof Float32Array ? numbers : Float64Array.from(numbers);
}

function optionalField(value: JournalValue | undefined, key: string): JournalValue | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw new Mismatch();
  }
  return (value as { readonly [key: string]: JournalValue })[key];
}

function field(value: JournalValue | undefined, key: string): JournalValue {
  const found = optionalField(value, key);
  if (found === undefined) throw new Mismatch();
  return found;
}

function list(value: JournalValue | undefined): readonly JournalValue[] {
  if (!Array.isArray(value)) throw new Mismatch();
  return value as readonly JournalValue[];
}

function floats(value: JournalValue): Float64Array {
  if (!(value instanceof Float64Array)) throw new Mismatch();
  return value;
}

function integers(value: JournalValue): Int32Array {
  if (!(value instanceof Int32Array)) throw new Mismatch();
  return value;
}

function numeric(value: JournalValue): Float32Array | Float64Array {
  if (!(value instanceof Float32Array || value instanceof Float64Array)) throw new Mismatch();
  return value;
}

function integer(value: JournalValue): number {
  if (typeof value !== "number" || !Number.isInteger(value)) throw new Mismatch();
  return value;
}
