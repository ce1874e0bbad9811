import {
  cheaper,
  isPointwise,
  spatiallySeparable,
  sumOf,
  tapCount,
  type ConvLayer,
  type ConvSpec,
  type FormPlan,
} from "../forms/index.js";
import { decline, type Decline } from "./decline.js";

/* What the families whose terms hold one depthwise convolution each have in common; sizes are numbers of terms. */

/** A form of `terms` terms; exact from as many as there are taps. */
type TermedForm = (spec: ConvSpec, terms: number) => FormPlan;

const mostTerms = 8;
const mostTermsOfSum = 3;
/** Ranks of the spatially separable branch, relative to the larger channel count. */
const rankShares = [0.125, 0.25, 0.5, 0.75];

/** Reasons why a layer has no use for such terms; null when it has. */
export function declineTerms({ spec }: ConvLayer): Decline | null {
  if (isPointwise(spec)) return decline("the kernel has one tap");
  if (Math.min(spec.inChannels, spec.outChannels) < 2) return decline("one channel has nothing to mix");
  return null;
}

export function proposeTerms(layer: ConvLayer, form: TermedForm): readonly FormPlan[] | Decline {
  const most = Math.min(tapCount(layer.spec), mostTerms);
  return (
    declineTerms(layer) ??
    cheaper(
      layer,
      Array.from({ length: most }, (_, m) => form(layer.spec, m + 1)),
    )
  );
}

export function fullTerms({ spec }: ConvLayer, form: TermedForm): FormPlan | null {
  return isPointwise(spec) ? null : form(spec, tapCount(spec));
}

/** Terms beside a spatially separable branch. */
export function proposePlusSpatial(layer: ConvLayer, form: TermedForm): readonly FormPlan[] | Decline {
  const { spec } = layer;
  const axes = longAxes(spec);
  if (axes.length < 2) return decline("the kernel extends along fewer than two axes");
  const larger = Math.max(spec.inChannels, spec.outChannels);
  const ranks = new Set(rankShares.map((share) => Math.round(share * larger)));
  ranks.delete(0);
  const plans: FormPlan[] = [];
  for (let terms = 1; terms <= mostTermsOfSum; terms++) {
    for (const rank of ranks) {
      for (const axis of axes)
        plans.push(sumOf(spec, form(spec, terms), spatiallySeparable(spec, rank, axis)));
    }
  }
  return cheaper(layer, plans);
}

export function fullPlusSpatial({ spec }: ConvLayer, form: TermedForm): FormPlan | null {
  const [axis, second] = longAxes(spec);
  return axis === undefined || second === undefined
    ? null
    : sumOf(spec, form(spec, tapCount(spec)), spatiallySeparable(spec, 1, axis));
}

/** Axes with more than one tap. */
function longAxes({ kernel }: ConvSpec): number[] {
  return kernel.map((_, axis) => axis).filter((axis) => kernel[axis]! > 1);
}
