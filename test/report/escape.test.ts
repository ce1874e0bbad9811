import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  forHtml,
  forJson,
  forMarkdown,
  forTerminal,
  forWorkflowCommand,
  renderHtml,
  renderMarkdown,
  renderText,
  type Report,
} from "../../src/report/index.js";
import { hostileNames, sampleReport } from "./sample-report.js";

// eslint-disable-next-line no-control-regex
const steering = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** A report in which every free string is the given one. */
function reportOf(text: string): Report {
  const base = sampleReport();
  return {
    ...base,
    input: { path: text, sha256: text },
    output: { path: text, sha256: text },
    quality: { ...base.quality, engine: text },
    verdicts: base.verdicts.map((verdict) => ({ ...verdict, budget: text, message: text })),
    layers: base.layers.map((layer) => ({
      ...layer,
      name: text,
      op: text,
      shape: text,
      form: text,
      reason: text,
      plan: { branches: [{ form: text, size: { [text]: 1 } }] },
    })),
    passes: base.passes.map((pass) => ({ ...pass, name: text })),
    warnings: [text],
    tool: { ...base.tool, version: text, runtime: text, command: text },
  };
}

/** Tags of an HTML text, as a browser would see them. */
function tagsOf(html: string): string[] {
  return [...html.matchAll(/<\/?([a-zA-Z!][\w-]*)/g)].map(([, tag]) => tag!.toLowerCase());
}

const allowedTags = new Set([
  "!doctype", "html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "p", "ul", "li",
  "strong", "small", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "rect", "g", "path", "text",
  "details", "summary", "pre",
]); // prettier-ignore

const textOf = fc.oneof(fc.constantFrom(...hostileNames), fc.string({ unit: "binary", maxLength: 40 }));

describe("escaping", () => {
  it.each(hostileNames)("shows %j without obeying it on a terminal", (name) => {
    expect(forTerminal(name)).not.toMatch(steering);
    expect(forTerminal(name)).not.toContain("\n");
  });

  it("makes invisible characters visible and leaves letters alone", () => {
    expect(forTerminal("a\u001b[0mb\u202e")).toBe("a\\u{1b}[0mb\\u{202e}");
    expect(forTerminal("Ärger 日本 conv/1:0 😀")).toBe("Ärger 日本 conv/1:0 😀");
    expect(forTerminal("\u{e0041}\ud800")).toBe("\\u{e0041}\\u{d800}");
  });

  it("leaves no Markdown with a meaning", () => {
    expect(forMarkdown("a|b`c`*d*")).toBe("a\\|b\\`c\\`\\*d\\*");
    expect(forMarkdown("<b>&")).toBe("&lt;b&gt;&amp;");
    expect(forMarkdown("- x")).toBe("\\- x");
    expect(forMarkdown("1. x")).toBe("1\\. x");
    expect(forMarkdown("61.0 s (x)")).toBe("61.0 s (x)");
    expect(forMarkdown("https://x @y www.z")).toBe("https&#58;//x &#64;y www&#46;z");
  });

  it("escapes the five characters of HTML and the backtick", () => {
    expect(forHtml(`<a href="x" class='y'>&\``)).toBe(
      "&lt;a href=&quot;x&quot; class=&#39;y&#39;&gt;&amp;&#96;",
    );
  });

  it("keeps workflow commands in one line and property", () => {
    expect(forWorkflowCommand("a\nb%c")).toBe("a\\u{a}b%25c");
    expect(forWorkflowCommand("file:1,2", true)).toBe("file%3A1%2C2");
  });

  it("prints JSON that parses to the same value and holds nothing invisible", () => {
    fc.assert(
      fc.property(textOf, (text) => {
        const value = { [text]: [text, 1, null] };
        const json = forJson(value);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(json).not.toMatch(steering);
      }),
    );
  });
});

describe("reports of hostile names", () => {
  it("steer no terminal", () => {
    fc.assert(
      fc.property(textOf, (text) => {
        expect(renderText(reportOf(text))).not.toMatch(steering);
      }),
    );
  });

  it("have no tag, attribute or script in HTML that isn't the report's own", () => {
    const structure = tagsOf(renderHtml(reportOf("x"))).join();
    fc.assert(
      fc.property(textOf, (text) => {
        const html = renderHtml(reportOf(text));
        expect(tagsOf(html).join()).toBe(structure);
        expect(tagsOf(html).filter((tag) => !allowedTags.has(tag))).toEqual([]);
        for (const [tag] of html.matchAll(/<[^>]*>/g)) expect(tag).not.toMatch(/\son\w+=|javascript:/i);
        expect(html).not.toMatch(steering);
      }),
    );
  });

  it("keep every Markdown table in shape", () => {
    const pipes = (line: string): number => line.replace(/\\\|/g, "").split("|").length;
    const shape = renderMarkdown(reportOf("x")).split("\n").map(pipes).join();
    fc.assert(
      fc.property(textOf, (text) => {
        const markdown = renderMarkdown(reportOf(text));
        expect(markdown.split("\n").map(pipes).join()).toBe(shape);
        expect(markdown).not.toMatch(/<[a-z!/]/i);
      }),
    );
  });
});

describe("the HTML report", () => {
  const html = renderHtml(sampleReport());

  it("forbids everything but its own style", () => {
    expect(html).toContain(
      `content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"`,
    );
    expect(html).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|https?:/i);
  });

  it("works in light and dark and says what it measures", () => {
    expect(html).toContain("prefers-color-scheme: dark");
    expect(html).toContain("FLOPs = 2 × MACs");
    expect(html).toContain("/layer1/conv1/Conv");
    expect(html).toContain("depthwise-separable (terms 2)");
  });

  it("is balanced", () => {
    const open: string[] = [];
    const empty = new Set(["meta", "!doctype", "rect", "path"]);
    for (const [, slash, tag] of html.matchAll(/<(\/?)([a-zA-Z!][\w-]*)/g)) {
      if (empty.has(tag!)) continue;
      if (slash === "/") expect(open.pop()).toBe(tag);
      else open.push(tag!);
    }
    expect(open).toEqual([]);
  });
});
