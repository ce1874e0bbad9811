import { forTerminal } from "./escape.js";
import { percent, small } from "./format.js";
import { shorten, textTable, type Column } from "./table.js";
import type { Bisection, ErrorProfile, OutputComparison, Share, Verification } from "./verification.js";

/** What `verify` found, for a terminal: per output, the noise floor, accuracies, and the verdict last. */
export function renderVerification(verification: Verification): string {
  const { interface: sides, outputs, noiseFloor, accuracy, data, engine } = verification;
  const inputs =
    data.path === null
      ? `${data.images} samples of noise from seed ${data.seed}`
      : `${data.images} samples of ${forTerminal(data.path)}`;
  const parts = [
    sides.same
      ? "Same interface: names, types, shapes and order of inputs and outputs."
      : ["The interfaces differ:", ...sides.differences.map((text) => `  ${forTerminal(text)}`)].join("\n"),
    outputs.length > 0 ? outputTable(outputs) : "No output could be compared.",
    answerTable(outputs),
    detectionText(verification.detections),
    exactText(verification.exact),
    [
      `noise floor of the first model: ${small(noiseFloor.value)}`,
      ...noiseFloor.sources.map(
        ({ name, relativeError, images }) =>
          `  ${small(relativeError)}  ${forTerminal(name)} (${images} sample${images === 1 ? "" : "s"})`,
      ),
    ].join("\n"),
    accuracy
      ? [
          `accuracy of the first   ${shareText(accuracy.a)}`,
          `accuracy of the second  ${shareText(accuracy.b)}`,
          `only the first is right ${accuracy.mcnemar.onlyA}, only the second ${accuracy.mcnemar.onlyB} (McNemar p = ${small(accuracy.mcnemar.pValue)})`,
        ].join("\n")
      : "",
    verification.profile ? profileTable(verification.profile) : "",
    verification.bisection ? bisectionText(verification.bisection) : "",
    verification.limits
      .map(({ met, message, limit, measured, name }) => {
        const figures = name === "interface" ? "" : ` (limit ${small(limit)}, measured ${small(measured)})`;
        return `${met ? "kept  " : "MISSED"}  ${forTerminal(message)}${figures}`;
      })
      .join("\n"),
    `${verification.ok ? "Verified" : "NOT verified"} on ${inputs} by ${forTerminal(engine)}.`,
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

function bisectionText({ first, before, limit, layers }: Bisection): string {
  if (layers.length === 0) return "The models share no inner value by name, so no layer can be named.";
  if (!first)
    return `None of the ${layers.length} values that both models have is over the limit of ${small(limit)}.`;
  const place = ({ node, other, op, relativeError, localError }: NonNullable<Bisection["first"]>): string => {
    const there = other === node || other === "" ? "" : `, in the second ${forTerminal(other)}`;
    return `${forTerminal(node)} (${forTerminal(op)}${there}), its own relative L2 ${orInfinite(localError)}, accumulated ${orInfinite(relativeError)}`;
  };
  return [
    `first over the limit of ${small(limit)}: ${place(first)}`,
    before ? `just before it: ${place(before)}` : "nothing that both models have comes before it",
  ].join("\n");
}

/** Both errors of every layer, and bars of the accumulated one on a logarithmic scale. */
function profileTable({ layers, images }: ErrorProfile): string {
  if (layers.length === 0) return "The models share no inner value, so there is no error profile.";
  const columns: Column[] = [
    { title: "layer" },
    { title: "operator" },
    { title: "accumulated", align: "right" },
    { title: "its own", align: "right" },
    { title: "1e-16 … 1" },
  ];
  const rows = layers.map(({ node, op, relativeError, localError }) => [
    shorten(forTerminal(node), 44),
    forTerminal(op),
    orInfinite(relativeError),
    orInfinite(localError),
    "▪".repeat(decades(relativeError)),
  ]);
  return `Error profile: relative L2 in float64 over ${images} sample${images === 1 ? "" : "s"}\n${textTable(columns, rows)}`;
}

/** How many decades an error is above 1e-16, at most 16. */
function decades(error: number | null): number {
  if (error === null) return 16;
  return error === 0 ? 0 : Math.max(0, Math.min(16, Math.ceil(16 + Math.log10(error))));
}

function detectionText(found: Verification["detections"]): string {
  if (!found) return "";
  const overlap =
    found.meanOverlap === null
      ? ""
      : `; overlap ${found.meanOverlap.toFixed(4)} on average, ${found.leastOverlap!.toFixed(4)} at least; scores up to ${small(found.maxScoreDifference)} apart`;
  return `detections (${forTerminal(found.boxes)}, ${forTerminal(found.scores)}): ${found.a} in the first, ${found.b} in the second, ${found.matched} matched, F1 ${found.f1.toFixed(4)}${overlap}`;
}

function exactText(exact: Verification["exact"]): string {
  if (!exact) return "";
  const lines = exact.outputs.map(
    ({ name, relativeError, worstSample, limit }) =>
      `  ${orInfinite(relativeError)}  ${forTerminal(name)} (limit ${small(limit)}; worst sample ${orInfinite(worstSample)})`,
  );
  return [`in float64 arithmetic, ${exact.images} sample${exact.images === 1 ? "" : "s"}:`, ...lines].join(
    "\n",
  );
}

function outputTable(outputs: readonly OutputComparison[]): string {
  const columns: Column[] = [
    { title: "output" },
    { title: "shape" },
    { title: "relative L2", align: "right" },
    { title: "max |b − a|", align: "right" },
    { title: "at" },
    { title: "cosine", align: "right" },
    { title: "NaN/inf a, b", align: "right" },
    ...(outputs.some(({ psnr }) => psnr) ? [{ title: "PSNR", align: "right" } as const] : []),
  ];
  const rows = outputs.map((output) => [
    shorten(forTerminal(output.name), 40),
    `${output.dtype}[${output.shape.join(",")}]`,
    orInfinite(output.relativeError),
    orInfinite(output.maxAbs.value),
    output.maxAbs.value === 0 ? "—" : `[${output.maxAbs.index.join(",")}]`,
    output.cosine === null ? "—" : output.cosine.toFixed(6),
    `${output.nonFinite.a}, ${output.nonFinite.b}`,
    ...(outputs.some(({ psnr }) => psnr) ? [psnrText(output.psnr)] : []),
  ]);
  return textTable(columns, rows);
}

function answerTable(outputs: readonly OutputComparison[]): string {
  const rows = outputs
    .filter((output) => output.top1 !== null)
    .map((output) => [
      shorten(forTerminal(output.name), 40),
      shareText(output.top1!),
      output.top5 ? shareText(output.top5) : "—",
      small(output.klDivergence),
    ]);
  const columns: Column[] = [
    { title: "output" },
    { title: "same top-1 (95 % interval)" },
    { title: "first's top-1 in second's top-5" },
    { title: "KL (nats)", align: "right" },
  ];
  return rows.length > 0 ? textTable(columns, rows) : "";
}

function psnrText(psnr: OutputComparison["psnr"]): string {
  if (!psnr) return "—";
  return psnr.db === null ? "identical" : `${psnr.db.toFixed(2)} dB (peak ${psnr.peak})`;
}

function orInfinite(value: number | null): string {
  return value === null ? "infinite" : small(value);
}

function shareText({ agreed, total, share, interval }: Share): string {
  return `${percent(share, 2)} (${agreed}/${total}; ${percent(interval[0], 2)} to ${percent(interval[1], 2)})`;
}
