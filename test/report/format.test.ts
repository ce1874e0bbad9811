import { describe, expect, it } from "vitest";
import {
  byteSize,
  milliseconds,
  percent,
  quantity,
  ratio,
  shorten,
  small,
  textTable,
  width,
} from "../../src/report/index.js";

describe("numbers", () => {
  it.each([
    [null, "—"],
    [0, "0"],
    [710, "710"],
    [999.4, "999.4"],
    [999.6, "1.00 k"],
    [40_551_424, "40.55 M"],
    [999_999_999, "1.00 G"],
    [4e12, "4.00 T"],
  ])("%s as a quantity is %s", (value, text) => {
    expect(quantity(value)).toBe(text);
  });

  it("tells zero, not measured and tiny apart", () => {
    expect([small(null), small(0), small(3.88e-7), small(0.0612), small(12345)]).toEqual([
      "—", "0", "3.88e-7", "0.0612", "1.23e+4",
    ]); // prettier-ignore
    expect([ratio(null), ratio(0.5)]).toEqual(["—", "0.500"]);
    expect([percent(null), percent(0.98765), percent(1, 2)]).toEqual(["—", "98.8 %", "100.00 %"]);
    expect([milliseconds(null), milliseconds(1.5), milliseconds(61_000), milliseconds(600_000)]).toEqual([
      "—", "1.50 ms", "61.0 s", "10.0 min",
    ]); // prettier-ignore
    expect([byteSize(null), byteSize(1_121_376), byteSize(12)]).toEqual(["—", "1.12 MB", "12 B"]);
  });
});

describe("tables", () => {
  it("align by the columns that a terminal shows", () => {
    expect(width("日本")).toBe(4);
    expect(width("e\u0301")).toBe(1);
    const table = textTable(
      [{ title: "name" }, { title: "n", align: "right" }],
      [
        ["日本", "1"],
        ["abcde", "10"],
      ],
    );
    expect(table).toBe(["name    n", "─────  ──", "日本    1", "abcde  10"].join("\n"));
  });

  it("shorten in the middle and never beyond the width", () => {
    expect(shorten("abcdefghij", 7)).toBe("abc…hij");
    expect(shorten("abc", 7)).toBe("abc");
    expect(width(shorten("日本日本日本日本", 7))).toBeLessThanOrEqual(7);
  });
});
