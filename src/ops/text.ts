import { ModelError, Tensor } from "../ir/index.js";
import { broadcastDims, broadcastShape, forEachRun, planBroadcast } from "./broadcast.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall } from "./op.js";
import { dtypeError, factOf, operand, shapeError } from "./operand.js";

/* Operators on strings. */

function strings(call: EvalCall<unknown>, index: number): readonly string[] {
  const { data, dtype } = operand(call, index);
  if (Array.isArray(data)) return data;
  throw dtypeError(call, `input ${index} must be strings, not ${dtype}`);
}

export const stringConcat = defineOp("StringConcat", {
  infer: (call) => [fact("string", broadcastShape(call, [factOf(call, 0).shape, factOf(call, 1).shape]))],
  evaluate: (call) => {
    const [a, b] = [strings(call, 0), strings(call, 1)];
    const shapes = [operand(call, 0).dims, operand(call, 1).dims];
    const dims = broadcastDims(call, shapes);
    const plan = planBroadcast(shapes, dims);
    const out = new Array<string>(plan.size).fill("");
    forEachRun(plan, (at, starts) => {
      for (let i = 0; i < plan.length; i++) {
        out[at + i] = a[starts[0]! + i * plan.steps[0]!]! + b[starts[1]! + i * plan.steps[1]!]!;
      }
    });
    return [Tensor.of("string", dims, out)];
  },
});

/** Parts of each string, padded with empty strings to the largest number of parts, and how many there are. */
export const stringSplit = defineOp("StringSplit", {
  infer: (call) => {
    const { shape } = factOf(call, 0);
    return [fact("string", shape ? [...shape, null] : null), fact("int64", shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const { delimiter, maxsplit } = call.attributes;
    const parts = strings(call, 0).map((text) => splitText(text, delimiter ?? "", maxsplit ?? Infinity));
    const widest = parts.reduce((most, list) => Math.max(most, list.length), 0);
    const padded = parts.flatMap((list) => [...list, ...Array<string>(widest - list.length).fill("")]);
    return [
      Tensor.of("string", [...x.dims, widest], padded),
      Tensor.i64(
        x.dims,
        parts.map(({ length }) => length),
      ),
    ];
  },
});

/** As Python's str.split: without a delimiter at runs of whitespace, ignoring those at the ends. */
function splitText(text: string, delimiter: string, most: number): string[] {
  let rest = delimiter === "" ? text.trim() : text;
  const parts: string[] = [];
  if (delimiter === "" && rest === "") return parts;
  while (parts.length < most) {
    const match = delimiter === "" ? /\s+/.exec(rest) : { index: rest.indexOf(delimiter), 0: delimiter };
    if (!match || match.index < 0) break;
    parts.push(rest.slice(0, match.index));
    rest = rest.slice(match.index + match[0].length);
  }
  return [...parts, rest];
}

export const regexFullMatch = defineOp("RegexFullMatch", {
  infer: (call) => [fact("bool", factOf(call, 0).shape)],
  evaluate: (call) => {
    const pattern = call.attributes.pattern ?? "";
    let expression: RegExp;
    try {
      expression = new RegExp(`^(?:${pattern})$`, "su");
    } catch (cause) {
      throw new ModelError("E_ATTRIBUTE", `pattern ${JSON.stringify(pattern)} is no regular expression`, {
        where: { node: call.node.label, op: call.node.op },
        cause,
      });
    }
    const bits = Uint8Array.from(strings(call, 0), (text) => (expression.test(text) ? 1 : 0));
    return [Tensor.of("bool", operand(call, 0).dims, bits)];
  },
});

/** Changes the case and drops stop words of a vector or a 1×C matrix; nothing left becomes one empty string. */
export const stringNormalizer = defineOp("StringNormalizer", {
  infer: (call) => {
    const { shape } = factOf(call, 0);
    return [fact("string", shape ? [...shape.slice(0, -1), null] : null)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    if (x.dims.length > 2 || (x.dims.length === 2 && x.dims[0] !== 1)) {
      throw shapeError(call, "the input must be a vector or have one row");
    }
    const { case_change_action: action, is_case_sensitive: sensitive, stopwords } = call.attributes;
    const fold = (text: string): string => (sensitive === 1 ? text : text.toLowerCase());
    const stop = new Set((stopwords ?? []).map(fold));
    const change = (text: string): string =>
      action === "LOWER" ? text.toLowerCase() : action === "UPPER" ? text.toUpperCase() : text;
    const kept = strings(call, 0)
      .filter((text) => !stop.has(fold(text)))
      .map(change);
    const out = kept.length > 0 ? kept : [""];
    return [Tensor.of("string", [...x.dims.slice(0, -1), out.length], out)];
  },
});
