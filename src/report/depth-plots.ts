import { small } from "./format.js";
import { wide } from "./html-page.js";
import { plotSvg } from "./plot.js";
import type { ErrorProfile } from "./verification.js";

/* Figures along the depth of a network. */

/** Errors below this are drawn at it: the axis is logarithmic. */
const least = 1e-17;

/** Error profile: relative L2 over the number of the layer, accumulated as a line, the layers' own as points. */
export function errorPlot(profile: ErrorProfile): string {
  const points = profile.layers.map(({ node, op, relativeError, localError }, i) => ({
    x: i + 1,
    label: `${node} (${op}): ${small(relativeError)}, its own ${small(localError)}`,
    relativeError,
    localError,
  }));
  const height = (error: number | null): number =>
    error === null ? NaN : Math.log10(Math.max(error, least));
  const drawn = points.filter(({ relativeError }) => relativeError !== null && relativeError > 0);
  if (drawn.length === 0) return "";
  const svg = plotSvg({
    title: "Error along the depth",
    x: { title: "value of the network, from the input on", format: String },
    y: { title: "relative L2 error", format: (exponent) => `1e${exponent}`, whole: true },
    labels: false,
    height: 320,
    series: [
      {
        name: "",
        connected: true,
        dots: drawn.length <= 80,
        points: drawn.map((point) => ({ ...point, y: height(point.relativeError), emphasis: true })),
      },
      {
        name: "",
        points: points
          .filter(({ localError }) => localError !== null && localError > 0)
          .map((point) => ({ ...point, y: height(point.localError) })),
      },
    ],
  });
  return svg === "" ? "" : `${errorLegend}\n${wide(svg)}`;
}

const errorLegend =
  '<ul class="legend"><li><svg class="plot" width="12" height="12" aria-hidden="true"><circle class="point full" cx="6" cy="6" r="4"/></svg>accumulated</li><li><svg class="plot" width="12" height="12" aria-hidden="true"><circle class="point" cx="6" cy="6" r="4"/></svg>its own</li></ul>';
