import { Tensor, type Value } from "../ir/index.js";
import { floatOf, unsupported, without, type Call, type Rule, type Workshop } from "./call.js";

/** Upsample became Resize, which learned to say how coordinates map. */
export const resamplingRules: readonly Rule[] = [
  { ops: ["Upsample"], since: 7, apply: scalesOfSides },
  { ops: ["Upsample"], since: 9, apply: scalesToInput },
  { ops: ["Upsample"], since: 10, apply: (call) => ({ ...call, op: "Resize" }) },
  { ops: ["Resize"], since: 11, apply: oldCoordinates },
  { ops: ["Resize"], since: 13, apply: withoutCornerMode },
  { ops: ["GridSample"], since: 20, apply: renameModes },
  { ops: ["RoiAlign"], since: 16, apply: oldPixelCentres },
];

function scalesOfSides(call: Call, workshop: Workshop): Call {
  const height = floatOf(call, "height_scale");
  const width = floatOf(call, "width_scale");
  if (height === null || width === null) throw unsupported(workshop, "its scales are missing");
  const attributes = new Map(without(call, "height_scale", "width_scale").attributes);
  const mode = attributes.get("mode");
  if (mode?.kind === "string" && mode.value === "bilinear")
    attributes.set("mode", { kind: "string", value: "linear" });
  attributes.set("scales", { kind: "floats", value: [1, 1, height, width] });
  return { ...call, attributes };
}

function scalesToInput(call: Call, workshop: Workshop): Call {
  const scales = call.attributes.get("scales");
  if (scales?.kind !== "floats") return call;
  return {
    ...without(call, "scales"),
    inputs: [call.inputs[0] ?? null, workshop.add("scales", Tensor.f32([scales.value.length], scales.value))],
  };
}

/** Up to opset 10 output pixel i read input position i/scale, for «nearest» rounded down when enlarging, else up. */
function oldCoordinates(call: Call, workshop: Workshop): Call {
  const [input, scales] = call.inputs;
  const mode = call.attributes.get("mode");
  const attributes = new Map(call.attributes);
  attributes.set("coordinate_transformation_mode", { kind: "string", value: "asymmetric" });
  if (mode === undefined || (mode.kind === "string" && mode.value === "nearest")) {
    attributes.set("nearest_mode", { kind: "string", value: oldRounding(scales, workshop) });
  }
  const region = workshop.target >= 13 ? null : workshop.add("roi", Tensor.f32([0], []));
  return { ...call, attributes, inputs: [input ?? null, region, scales ?? null] };
}

function oldRounding(scales: Value | null | undefined, workshop: Workshop): string {
  // Upsample never made anything smaller.
  if (workshop.node.op === "Upsample") return "floor";
  const factors = workshop.constant(scales)?.toNumbers();
  if (factors?.every((factor) => factor >= 1)) return "floor";
  if (factors?.every((factor) => factor <= 1)) return "ceil";
  throw unsupported(workshop, "how it rounds depends on scales that are computed, or differ in direction");
}

function withoutCornerMode(call: Call, workshop: Workshop): Call {
  const mode = call.attributes.get("coordinate_transformation_mode");
  if (mode?.kind === "string" && mode.value === "tf_half_pixel_for_nn") {
    throw unsupported(workshop, "tf_half_pixel_for_nn exists no longer");
  }
  return call;
}

function renameModes(call: Call): Call {
  const mode = call.attributes.get("mode");
  const renamed = mode?.kind === "string" ? { bilinear: "linear", bicubic: "cubic" }[mode.value] : undefined;
  if (renamed === undefined) return call;
  return {
    ...call,
    attributes: new Map([...call.attributes, ["mode", { kind: "string", value: renamed } as const]]),
  };
}

function oldPixelCentres(call: Call): Call {
  if (call.attributes.has("coordinate_transformation_mode")) return call;
  const attribute = { kind: "string", value: "output_half_pixel" } as const;
  return {
    ...call,
    attributes: new Map([...call.attributes, ["coordinate_transformation_mode", attribute]]),
  };
}
