import { chainOf, type ConvSpec, type Form, type Link } from "../../src/forms/index.js";
import { seededRandom } from "../../src/linalg/index.js";

const random = seededRandom(11);

export function values(size: number): Float64Array {
  return Float64Array.from({ length: size }, () => random.normal());
}

export function randomForm(
  spec: ConvSpec,
  chains: readonly (readonly Link[])[],
  orders: Pick<Form, "inputOrder" | "outputOrder"> = {},
): Form {
  const branches = chains.map((links) =>
    chainOf(spec, links).map((stage) => {
      const { outChannels, inChannels, group, kernel } = stage.spec;
      return {
        ...stage,
        weight: values((outChannels * inChannels * kernel.reduce((p, k) => p * k, 1)) / group),
      };
    }),
  );
  return { name: "sum", size: {}, terms: [], branches, ...orders };
}
