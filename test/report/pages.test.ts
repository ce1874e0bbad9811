import { inflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { networkOf } from "../../src/api/network-of.js";
import { picturesOf } from "../../src/api/pictures.js";
import { encodePng } from "../../src/api/png.js";
import { GraphBuilder, loadDataOf, Tensor, type Model } from "../../src/index.js";
import { renderHtml, renderMarkdown, renderText, reportSchema, type Report } from "../../src/report/index.js";
import { modelOf } from "../api/small-models.js";
import { hostileNames, sampleReport } from "./sample-report.js";

/** A chain of layers with a shortcut around every pair. */
function deepReport(count: number, name: (i: number) => string = (i) => `layer${i}`): Report {
  const [first] = sampleReport().layers;
  const layers = Array.from({ length: count }, (_, i) => ({ ...first!, name: name(i) }));
  const nodes: NonNullable<Report["network"]>["nodes"] = [
    { name: "x", op: "Input", kind: "input", reads: [] },
  ];
  let skip = 0;
  layers.forEach((layer, i) => {
    nodes.push({ name: layer.name, op: "Conv", kind: "layer", reads: [nodes.length - 1] });
    if (i % 2 === 1) {
      nodes.push({ name: `add${i}`, op: "Add", kind: "join", reads: [skip, nodes.length - 1] });
      skip = nodes.length - 1;
    }
  });
  nodes.push({ name: "y", op: "Output", kind: "output", reads: [nodes.length - 1] });
  const profile = {
    images: 4,
    layers: layers.map((layer, i) => ({
      node: layer.name,
      other: layer.name,
      op: "Conv",
      value: layer.name,
      relativeError: i === 0 ? 0 : 1e-8 * i,
      localError: i === 2 ? null : 1e-9,
    })),
  };
  return sampleReport({ layers, network: { nodes }, profile });
}

const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

describe("the page", () => {
  it.each([1, 2, 20, 500])("draws a network of %i layers whole", (layers) => {
    const html = renderHtml(deepReport(layers));
    const map = html.slice(html.indexOf("What each layer became"), html.indexOf("Cost along the depth"));
    expect(count(map, /<text class="mark-letter"/g)).toBe(layers + 1 /* the legend's */);
    expect(count(map, /<circle class="k-node"/g)).toBe(2 + Math.floor(layers / 2));
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
    if (layers > 2) expect(html).toContain("Error along the depth");
  });

  it("shows milliseconds of layers as predicted and as measured, with their intervals", () => {
    const base = sampleReport().layers;
    const layers = base.map((layer, i) => ({
      ...layer,
      ms: [0.05, 0.02 - i / 1000] as [number, number],
      ...(i === 0 ? { msInterval: [0.018, 0.022] as [number, number] } : {}),
    }));
    const predicted = renderHtml(sampleReport({ layers }));
    expect(predicted).toContain("As predicted by the latency model");
    expect(count(predicted, /class="whisker"/g)).toBe(1);
    const span = (ms: number) => ({ ms, interval: [0.9 * ms, 1.1 * ms] as [number, number] });
    const milliseconds = {
      layers: [{ name: base[0]!.name, before: span(0.051), after: span(0.0213) }],
      others: { before: span(0.004), after: null },
    };
    const html = renderHtml(sampleReport({ layers, milliseconds }));
    const text = html.slice(
      html.indexOf("Milliseconds of each layer"),
      html.indexOf("Error along the depth"),
    );
    expect(text).toContain("0.0213 ± 0.0021");
    expect(text).toContain("0.0200 ± 0.0020");
    expect(text).toContain("everything else");
    // Of the measured layer both bars, before and after; the prediction is a line across the second.
    expect(count(text, /class="whisker"/g)).toBe(2);
    expect(count(text, /class="whisker" d="[^"]*h/g)).toBe(1);
    expect(reportSchema.parse(sampleReport({ layers, milliseconds }))).toBeTruthy();
  });

  it("marks what takes more than before", () => {
    const latency = (ratio: number) =>
      renderHtml(
        sampleReport({
          latencyMs: {
            before: 1,
            after: ratio,
            ratio,
            ratioInterval: null,
            threads: 1,
            runs: 20,
            engine: "onnxruntime 1.30.0",
          },
        }),
      );
    expect(latency(1.4)).toContain('<strong class="missed">1.400</strong>');
    expect(latency(1.01)).not.toContain('class="missed"');
  });

  it("leaves out what it doesn't know", () => {
    const html = renderHtml(sampleReport());
    for (const title of [
      "Frontier",
      "Milliseconds of each layer",
      "What each layer became",
      "Error along the depth",
      "Pictures",
      "Candidates",
    ])
      expect(html).not.toContain(title);
    expect(renderHtml(sampleReport({ layers: [], network: { nodes: [] } }))).not.toContain("Cost along");
  });

  it("draws the predicted frontier with its choice, the families that do best alone, and nothing that isn't there", () => {
    const points = [0.2, 0.5, 1].map((kept) => ({ kept, loss: 1 - kept }));
    const alone = Array.from({ length: 9 }, (_, i) => ({
      family: `family-${i}`,
      // Families 0 to 2 don't reach the choice's cost.
      points: points.slice(i < 3 ? 2 : 0).map(({ kept, loss }) => ({ kept, loss: loss * (10 - i) })),
    }));
    const chosen = { kept: 0.5, predicted: 0.5, measured: 0.25 };
    const series = [{ family: null, points }, ...alone];
    const html = renderHtml(sampleReport({ frontier: { measure: "klDivergence", chosen, series } }));
    const section = html.slice(
      html.indexOf("<h2>Frontier"),
      html.indexOf("<h2>", html.indexOf("<h2>Frontier") + 1),
    );
    const legend = [...section.matchAll(/<text[^>]*>\d+ ([a-z][^<]+)</g)].map(([, name]) => name);
    expect(legend).toEqual(["all families", ...[8, 7, 6, 5, 4, 3].map((i) => `family-${i}`)]);
    // A loss of 0 has no place on a logarithmic axis: two points a line.
    expect(count(section, /class="hidden"/g)).toBe(7 * 2);
    expect(count(section, /class="point full"/g)).toBe(2);
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
    const failed = renderHtml(sampleReport({ frontier: { measure: "klDivergence", chosen: null, series } }));
    expect(failed).toContain("No choice kept the budget.");
    expect(failed).not.toMatch(/NaN|Infinity|undefined|point full/);
    const nothing = { measure: "both", chosen: { kept: 1, predicted: 0, measured: 0 }, series: [] } as const;
    expect(renderHtml(sampleReport({ frontier: { ...nothing, series: [] } }))).not.toContain("<h2>Frontier");
  });

  it("has no script, no request and no element of a hostile name's, anywhere", () => {
    const plain = tagsOf(renderHtml(deepReport(6)));
    for (const name of hostileNames) {
      const report = deepReport(6, () => name);
      const hostile: Report = {
        ...report,
        input: { path: name, sha256: name },
        warnings: [],
        network: { nodes: report.network!.nodes.map((node) => ({ ...node, name, op: name })) },
        tool: { ...report.tool, command: name },
      };
      const html = renderHtml(hostile);
      expect(tagsOf(html), name).toEqual(plain);
      expect(html, name).not.toMatch(/<script|(href|src)="(?!data:image)|<[a-z][^>]*\son[a-z]+="/);
      expect(html.replaceAll("\n", ""), name).not.toMatch(
        // eslint-disable-next-line no-control-regex
        /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/,
      );
      for (const text of [renderText(hostile), renderMarkdown(hostile)])
        // eslint-disable-next-line no-control-regex
        expect(text.replaceAll("\n", ""), name).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
  });

  it("draws any graph in order, however its edges lie", () => {
    const graphs = fc.array(fc.array(fc.nat({ max: 40 }), { maxLength: 3 }), { minLength: 2, maxLength: 90 });
    fc.assert(
      fc.property(graphs, (edges) => {
        const report = deepReport(edges.length);
        const nodes = edges.map((reads, i) => ({
          name: `layer${i}`,
          op: "Conv",
          kind: "layer" as const,
          reads: [...new Set(reads.map((back) => i - 1 - back).filter((source) => source >= 0))].sort(
            (a, b) => a - b,
          ),
        }));
        const html = renderHtml({ ...report, network: { nodes } });
        expect(html).not.toMatch(/NaN|undefined/);
        const [frames, marks] = [
          [...html.matchAll(/<svg width="\d+" height="(\d+)" viewBox/g)].map(([, height]) => Number(height)),
          [...html.matchAll(/<path class="lane" d="M[\d.]+ ([-\d.]+)/g)].map(([, y]) => Number(y)),
        ];
        expect(Math.max(0, ...marks)).toBeLessThanOrEqual(Math.max(...frames));
        expect(Math.min(0, ...marks)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("shows pictures as data only", () => {
    const uri = `data:image/png;base64,${Buffer.from(encodePng(new Uint8Array(64), 8, 8, 1)).toString("base64")}`;
    const picture = {
      image: 3,
      width: 8,
      height: 8,
      input: uri,
      before: uri,
      after: uri,
      difference: uri,
      mapping: "Black is 0 and white 1 in the outputs.",
      amplified: 16,
      psnrDb: 41.25,
    };
    const report = sampleReport({ pictures: [picture] });
    expect(reportSchema.parse(report)).toEqual(report);
    const html = renderHtml(report);
    expect(count(html, /<img src="data:image\/png;base64,[^"]+" width="160" height="160" alt="/g)).toBe(4);
    expect(html).toContain("difference × 16 (41.3 dB)");
    expect(html).toContain("img-src data:;");
    const elsewhere = { ...picture, input: "https://evil.example/x.png" };
    expect(reportSchema.safeParse(sampleReport({ pictures: [elsewhere] })).success).toBe(false);
  });
});

function tagsOf(html: string): string[] {
  return [...html.matchAll(/<\/?([a-z0-9-]+)/g)].map(([, tag]) => tag!);
}

describe("encodePng", () => {
  it.each([1, 3] as const)("writes what a decoder reads, %i channels", (channels) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.nat(), (w, h, seed) => {
        const pixels = Uint8Array.from({ length: w * h * channels }, (_, i) => (i * 37 + seed) % 256);
        const png = Buffer.from(encodePng(pixels, w, h, channels));
        expect(png.subarray(1, 4).toString()).toBe("PNG");
        expect([png.readUInt32BE(16), png.readUInt32BE(20), png[24], png[25]]).toEqual([
          w,
          h,
          8,
          channels === 1 ? 0 : 2,
        ]);
        const length = png.readUInt32BE(33);
        expect(png.subarray(37, 41).toString()).toBe("IDAT");
        const rows = inflateSync(png.subarray(41, 41 + length));
        const stride = w * channels + 1;
        const read = Array.from({ length: h }, (_, row) => [
          ...rows.subarray(row * stride + 1, (row + 1) * stride),
        ]);
        expect(read.flat()).toEqual([...pixels]);
      }),
    );
  });
});

describe("networkOf", () => {
  it("keeps layers and joins, and reads through everything between", () => {
    const builder = new GraphBuilder();
    const x = builder.input("x", { dtype: "float32", shape: ["N", 4] });
    const weight = builder.initializer("w", Tensor.f32([4, 4], new Float32Array(16)));
    const a = builder.op("Gemm", [x, weight], {}, { name: "a", outputs: ["ao"] });
    const relu = builder.op("Relu", [a], {}, { name: "r", outputs: ["ro"] });
    const b = builder.op("Gemm", [relu, weight], {}, { name: "b", outputs: ["bo"] });
    const sum = builder.op("Add", [b, relu], {}, { name: "s", outputs: ["so"] });
    const shape = builder.op("Shape", [x], {}, { name: "shape", outputs: ["sh"] });
    const y = builder.op("Reshape", [sum, shape], {}, { name: "reshape", outputs: ["y"] });
    builder.output(y, { dtype: "float32", shape: ["N", 4] });
    expect(networkOf(modelOf(builder)).nodes).toEqual([
      { name: "x", op: "Input", kind: "input", reads: [] },
      { name: "a", op: "Gemm", kind: "layer", reads: [0] },
      { name: "b", op: "Gemm", kind: "layer", reads: [1] },
      { name: "s", op: "Add", kind: "join", reads: [1, 2] },
      { name: "y", op: "Output", kind: "output", reads: [3] },
    ]);
  });
});

describe("picturesOf", () => {
  const shifted = (by: number, channels: number): Model => {
    const builder = new GraphBuilder();
    const type = { dtype: "float32", shape: ["N", channels, 8, 8] } as const;
    const x = builder.input("x", type);
    const shift = builder.initializer("s", Tensor.f32([1], [by]));
    builder.output(builder.op("Add", [x, shift], {}, { outputs: ["y"] }), type);
    return modelOf(builder);
  };

  it("draws input, outputs and the difference of the first images", async () => {
    const a = shifted(0, 3);
    const values = Float32Array.from({ length: 5 * 192 }, (_, i) => (i % 192) / 192);
    const data = loadDataOf(new Map([["x", Tensor.f32([5, 3, 8, 8], values)]]), a);
    const found = await picturesOf(a, shifted(0.125, 3), data, [4, 0, 1, 2], { engine: "reference" });
    expect(found.map(({ image }) => image)).toEqual([4, 0, 1]);
    expect(found[0]).toMatchObject({ width: 8, height: 8, amplified: 4 });
    expect(found[0]!.psnrDb).toBeCloseTo(-20 * Math.log10(0.125), 4);
    expect(found[0]!.mapping).toContain("0 and white 1");
    const same = await picturesOf(a, a, data, [0], { engine: "reference" });
    expect(same[0]).toMatchObject({ amplified: 1, psnrDb: null });
    expect(same[0]!.before).toBe(same[0]!.after);
  });

  it("has none for other models", async () => {
    const a = shifted(0, 2);
    const data = loadDataOf(new Map([["x", Tensor.f32([1, 2, 8, 8], new Float32Array(128))]]), a);
    expect(await picturesOf(a, a, data, [0], { engine: "reference" })).toEqual([]);
  });
});
