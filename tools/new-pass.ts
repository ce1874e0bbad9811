import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/* npm run new-pass my-rewrite: the pass, its test, its page and its line in the preset. */

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const name = process.argv[2] ?? "";

if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
  console.error("usage: npm run new-pass my-rewrite (kebab-case)");
  process.exit(2);
}

const identifier = name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const pass = `import { definePass } from "../src/engine/index.js";

/*
 * The algebra, and what it assumes: y = … holds when …; it costs ….
 */
export default definePass({
  kind: "rewrite",
  name: "${name}",
  summary: "what becomes what, in one line",
  anchors: ["Conv"],
  propose(node, cx) {
    if (!cx.constant(node.input(1))) return cx.decline("its weights are not constant");
    // const patch = cx.patch(node);
    // patch.replace(node.output, patch.op("Conv", [node.input(0), patch.constant("weight", …)], …, { heirOf: node }));
    // return patch;
    return null;
  },
});
`;

const test = `import { describe, expect, it } from "vitest";
import ${identifier} from "../../passes/${name}.js";
import { f64, model, reasonOf, runPasses, weights } from "./rewrite-harness.js";

describe("fires", () => {
  it.todo("on the case that it is for");
});

describe("declines", () => {
  it("weights that a caller may replace", () => {
    const out = runPasses(
      model((b) => {
        const w = b.initializer("w", weights(1, [4, 3, 3, 3]));
        b.input("w", f64(4, 3, 3, 3));
        b.output(b.op("Conv", [b.input("x", f64("N", 3, 6, 6)), w], {}, { name: "conv" }));
      }),
      [${identifier}],
    );
    expect(reasonOf(out, "conv")).toContain("not constant");
  });
});
`;

const page = `# ${name}

**File:** \`passes/${name}.ts\` · **Kind:** exact rewrite (always runs; same function up to rounding)

**Purpose.** …

**Algorithm.** …

**Cost.** …

**Edge cases.** …
`;

const files = new Map([
  [join("passes", `${name}.ts`), pass],
  [join("test", "passes", `${name}.test.ts`), test],
  [join("docs", "passes", `${name}.md`), page],
]);

const taken = [...files.keys()].filter((path) => existsSync(join(root, path)));
if (taken.length > 0) {
  console.error(`${taken.join(", ")} ${taken.length > 1 ? "exist" : "exists"} already`);
  process.exit(2);
}

const presetPath = join(root, "passes", "index.ts");
const preset = readFileSync(presetPath, "utf8");
const imports = [...preset.matchAll(/^import \w+ from "\.\/([a-z0-9-]+)\.js";\n/gm)];
const next = imports.find(([, other]) => other! > name);
const at = next ? next.index : imports.at(-1)!.index + imports.at(-1)![0].length;
const withImport = `${preset.slice(0, at)}import ${identifier} from "./${name}.js";\n${preset.slice(at)}`;
const list = /(const exact: readonly Rewrite\[\] = \[[\s\S]*?)(\n\];)/;
if (!list.test(withImport)) {
  console.error("passes/index.ts has no list `exact` to add to");
  process.exit(5);
}

for (const [path, text] of files) writeFileSync(join(root, path), text);
writeFileSync(presetPath, withImport.replace(list, `$1\n  ${identifier},$2`));
console.log([...files.keys(), "passes/index.ts"].map((path) => `wrote ${path}`).join("\n"));
console.log("its place in the preset is its order: move the line where it belongs");
