import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markParetoOptimal, paretoPlot, plotSvg, renderHtml, type Plot } from "../../src/report/index.js";
import { ticks } from "../../src/report/plot.js";
import { hostileNames, sampleReport } from "./sample-report.js";

const axis = { title: "x", format: String };
const plot = (points: Plot["series"][number]["points"], changes: Partial<Plot> = {}): Plot => ({
  title: "a plot",
  x: axis,
  y: axis,
  series: [{ name: "", points }],
  ...changes,
});

/** Opening tags that are never closed, or closed by another name. */
function unbalanced(svg: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, close, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (self) continue;
    if (!close) open.push(name!);
    else if (open.pop() !== name) wrong.push(name!);
  }
  return [...wrong, ...open];
}

describe("ticks", () => {
  it("are round numbers", () => {
    expect(ticks([0, 1], undefined, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks([0.1, 0.3], [0, 0], 3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks([-3, 17], undefined, 4)).toEqual([-5, 0, 5, 10, 15, 20]);
    expect(ticks([7], undefined, 3)).toEqual([0, 5, 10, 15]);
    expect(ticks([0], undefined, 2)).toEqual([-1, 0, 1]);
  });

  it("enclose the values, rise evenly, and are not many", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 2, max: 12 }),
        (values, count) => {
          const found = ticks(values, undefined, count);
          const spread = Math.max(...values.map(Math.abs), 1e-90);
          expect(found[0]!).toBeLessThanOrEqual(Math.min(...values) + 1e-6 * spread);
          expect(found.at(-1)!).toBeGreaterThanOrEqual(Math.max(...values) - 1e-6 * spread);
          expect(found.length).toBeLessThanOrEqual(count + 3);
          expect(found.length).toBeGreaterThanOrEqual(2);
          for (let i = 1; i < found.length; i++) expect(found[i]!).toBeGreaterThan(found[i - 1]!);
        },
      ),
    );
  });
});

describe("a plot", () => {
  it("places points by hand-computed coordinates", () => {
    const svg = plotSvg(
      plot(
        [
          { x: 0, y: 0, label: "low" },
          { x: 1, y: 1, label: "high", emphasis: true },
        ],
        { width: 188, height: 164 },
      ),
    );
    // The frame runs from 64 to 164 and from 116 up to 16.
    expect(svg).toContain('<circle class="point" cx="64" cy="116" r="4"><title>low</title>');
    expect(svg).toContain('<circle class="point full" cx="164" cy="16" r="4"><title>high</title>');
  });

  it("joins points in the order of x", () => {
    const points = [3, 1, 2].map((x) => ({ x, y: x, label: "" }));
    const [, line] = /points="([^"]*)"/.exec(
      plotSvg(plot(points, { series: [{ name: "", points, connected: true }] })),
    )!;
    const xs = line!.split(" ").map((pair) => Number(pair.split(",")[0]));
    expect(xs).toEqual([...xs].sort((a, b) => a - b));
  });

  it("leaves out what is not finite, and is empty without points", () => {
    expect(plotSvg(plot([]))).toBe("");
    expect(plotSvg(plot([{ x: NaN, y: 1, label: "" }]))).toBe("");
    const svg = plotSvg(plot([{ x: 1, y: Infinity, label: "a" }, { x: 1, y: 1, label: "b" }])); // prettier-ignore
    expect(svg.match(/<circle/g)).toHaveLength(1);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it("is well formed and inert whatever the names hold", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(...hostileNames), fc.string({ unit: "binary" })),
        fc.array(fc.tuple(fc.double(), fc.double()), { maxLength: 6 }),
        (text, pairs) => {
          const points = pairs.map(([x, y]) => ({ x, y, label: text }));
          const named = { title: text, format: () => text };
          const svg = plotSvg({ title: text, x: named, y: named, series: [{ name: text, points, connected: true }, { name: `${text}2`, points, quiet: true }] }); // prettier-ignore
          expect(unbalanced(svg)).toEqual([]);
          expect(svg).not.toMatch(/<(?!\/?(svg|title|path|text|polyline|circle)\b)/);
          for (const [tag] of svg.matchAll(/<[^>]*>/g))
            expect(tag.replace(/"[^"]*"/g, "")).not.toMatch(/\b(on[a-z]+|href|src|style)=/);
          expect(svg).not.toMatch(/="[^"]*(NaN|Infinity)/);
        },
      ),
    );
  });

  it("of a frontier shows every model and names the series only where there are several", () => {
    const point = { kept: 0.5, divergence: 0.1, label: "50 %", series: "", optimal: true };
    const alone = paretoPlot([point, { ...point, kept: 0.7 }], "error");
    expect(alone.match(/<circle/g)).toHaveLength(2);
    expect(alone).not.toContain("all families");
    const both = paretoPlot([point, { ...point, series: "grouped" }], "error");
    expect(both).toContain("all families");
    expect(both).toContain("2 grouped");
  });
});

describe("Pareto-optimal points", () => {
  const { quality } = sampleReport();
  const at = (macs: number | null, loss: number | null) => ({
    macs: { before: 1, after: macs, ratio: macs },
    quality: { ...quality, relativeError: loss },
  });
  const marks = (...points: ReturnType<typeof at>[]): boolean[] =>
    markParetoOptimal(points, "relativeError").map(({ paretoOptimal }) => paretoOptimal);

  it("are those that no other one beats", () => {
    expect(marks(at(5, 1), at(4, 2), at(4, 3), at(6, 1), at(3, 3))).toEqual([true, true, false, false, true]);
    expect(marks(at(5, 1), at(5, 1))).toEqual([true, true]);
    expect(marks(at(5, null), at(null, 0), at(6, 2))).toEqual([false, false, true]);
  });

  it("fall when sorted by cost", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { minLength: 1, maxLength: 12 }), (pairs) => {
        const front = markParetoOptimal(pairs.map(([cost, loss]) => at(cost, loss)), "relativeError").filter(({ paretoOptimal }) => paretoOptimal); // prettier-ignore
        expect(front.length).toBeGreaterThan(0);
        const sorted = front
          .map(({ macs, quality: own }) => [macs.after!, own.relativeError!] as const)
          .sort((a, b) => a[0] - b[0]);
        for (let i = 1; i < sorted.length; i++) {
          const [before, after] = [sorted[i - 1]!, sorted[i]!];
          expect(after[0] === before[0] ? after[1] === before[1] : after[1] < before[1]).toBe(true);
        }
      }),
    );
  });
});

describe("the candidates in a report", () => {
  it("are plotted layer by layer, escaped", () => {
    const decision = {
      pass: "reduce-out",
      node: "<script>alert(1)</script>",
      op: "Conv",
      verdict: "declined" as const,
      by: "budget" as const,
      reason: "",
      macs: [100, 40] as [number, number],
      params: [10, 4] as [number, number],
      error: 0.25,
      form: "reduce-out rank=2",
    };
    const html = renderHtml(
      sampleReport({
        decisions: [decision, { ...decision, verdict: "applied", macs: [100, 60] }, { ...decision, node: "b" }, { ...decision, node: "c", error: null }],
      }),
    ); // prettier-ignore
    expect(html).toContain("<summary>2 layers</summary>");
    expect(html.match(/<circle/g)).toHaveLength(3);
    expect(html).not.toContain("<script");
    expect(unbalanced(/<details>.*<\/details>/s.exec(html)![0])).toEqual([]);
    expect(renderHtml(sampleReport())).not.toContain("Candidates");
  });
});
