import { describe, expect, it } from "vitest";
import { checkOptimizeOptions, checkSweepOptions } from "../../src/api/check-options.js";
import {
  definePass,
  optimize,
  preset,
  UsageError,
  type OptimizeOptions,
  type Rewrite,
} from "../../src/index.js";
import { linearModel } from "./small-models.js";

const model = linearModel([[1, 2]]);
const wrong: [string, object, RegExp][] = [
  ["a budget of text", { budget: { keepMacs: "abc" } }, /"budget.keepMacs" has a wrong value/],
  ["a budget above the original", { budget: { keepMacs: 5 } }, /"budget.keepMacs" has a wrong value/],
  ["no number", { budget: { keepParams: NaN } }, /"budget.keepParams" has a wrong value/],
  ["nothing left", { budget: { keepLatency: 0 } }, /"budget.keepLatency" has a wrong value/],
  ["a negative error", { budget: { maxError: -1 } }, /"budget.maxError" has a wrong value/],
  ["a percentage", { budget: { minAgreement: 95 } }, /"budget.minAgreement" has a wrong value/],
  ["a mistyped budget", { budget: { keepMac: 0.5 } }, /no option "budget.keepMac"/],
  ["a mistyped option", { budgets: { keepMacs: 0.5 } }, /no option "budgets"/],
  ["a mistyped effort", { effort: "fats" }, /"effort" has a wrong value/],
  ["a pass without anything", { passes: [{ name: "x" }] }, /the pass "x" has no kind/],
  ["a fraction of a thread", { threads: 1.5 }, /"threads" has a wrong value/],
  ["shapes that are no map", { shapes: { x: [1, 2] } }, /"shapes" has a wrong value/],
  ["what isn't called", { onWarning: true }, /"onWarning" has a wrong value/],
];

async function refusal(options: object): Promise<UsageError> {
  const error: unknown = await optimize(model, options).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error as UsageError;
}

describe("options from where no compiler looks", () => {
  it.each(wrong)("are refused: %s", async (_, options, message) => {
    const error = await refusal(options);
    expect(error.message).toMatch(message);
    expect(error.hint).toBeTruthy();
  });

  it("are answered with the option that may have been meant", async () => {
    expect((await refusal({ budget: { keepMac: 0.5 } })).hint).toContain('did you mean "keepMacs"');
    expect((await refusal({ budgets: {} })).hint).toContain('did you mean "budget"');
  });

  it("are taken where they mean something, undefined ones too", () => {
    const all: OptimizeOptions = {
      ...{ budget: { keepMacs: 1, minAgreement: 0, maxError: 0, lossless: false }, calibration: null },
      ...{ passes: preset.conv, shapes: new Map([["x", [1, 2]]]), effort: "max", executor: "inline" },
      ...{ journal: null, signal: new AbortController().signal, onWarning: () => undefined },
    };
    checkOptimizeOptions(all);
    checkOptimizeOptions({ budget: undefined, seed: undefined } as unknown as OptimizeOptions);
    checkSweepOptions({ points: [0.5], singleForms: true });
    expect(() => checkSweepOptions({ singleForms: 1 } as object)).toThrow(UsageError);
  });
});

describe("a pass", () => {
  const pass = {
    kind: "rewrite",
    name: "my-pass",
    summary: "s",
    anchors: ["Conv"],
    propose: () => null,
  } as const;
  it("is what has all that passes have", () => {
    expect(definePass(pass)).toBe(pass);
    for (const one of preset.conv) expect(definePass(one)).toBe(one);
  });

  it.each([
    ["kind", /no kind/],
    ["name", /no name/],
    ["summary", /"my-pass" has no summary/],
    ["anchors", /no list of anchors/],
    ["propose", /no function propose/],
  ] as const)("without %s is refused", (key, message) => {
    const given = { ...pass, [key]: undefined } as unknown as Rewrite;
    expect(() => definePass(given)).toThrow(message);
    expect(() => definePass({} as Rewrite)).toThrow(UsageError);
  });
});
