import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { Progress } from "../../src/cli/progress.js";
import { Terminal } from "../../src/cli/terminal.js";

function setting(tty: boolean, env: Record<string, string> = {}, quiet = false) {
  let text = "";
  let time = 0;
  const stderr = { isTTY: tty, columns: 30, write: (chunk: string) => void (text += chunk) };
  const terminal = new Terminal({ stdout: stderr, stderr, env }, quiet);
  const progress = new Progress(terminal, () => time);
  return {
    terminal,
    progress,
    at(ms: number, done: number, total: number | null = 10, step = "searching") {
      time = ms;
      progress.report({ step, done, total });
    },
    get text() {
      return text;
    },
  };
}

describe("progress without a terminal", () => {
  it("says nothing for short work and then one line per five seconds", () => {
    const s = setting(false);
    for (let ms = 0; ms <= 12_000; ms += 100) s.at(ms, Math.floor(ms / 2000));
    expect(s.text).toBe("searching 2/10, 20 s left\nsearching 5/10, 10 s left\n");
  });

  it("estimates from the pace of the step, not from its start value", () => {
    const s = setting(false);
    s.at(0, 50, 100);
    s.at(6000, 60, 100);
    expect(s.text).toBe("searching 60/100, 24 s left\n");
  });

  it("doesn't estimate without a total", () => {
    const s = setting(false);
    s.at(6000, 0, null, "reading");
    s.at(12_000, 7, null, "reading");
    expect(s.text).toBe("reading …\nreading 7 …\n");
  });

  it.each(["CI", "NO_COLOR"])("is the same under %s on a terminal", (name) => {
    const s = setting(true, { [name]: "1" });
    for (let ms = 0; ms <= 12_000; ms += 100) s.at(ms, Math.floor(ms / 2000));
    s.progress.end();
    expect(s.text).toBe("searching 2/10, 20 s left\nsearching 5/10, 10 s left\n");
  });

  it("is not for an empty NO_COLOR", () => {
    const s = setting(true, { NO_COLOR: "" });
    s.at(0, 1);
    expect(s.text).toContain("\r\u001b[2K");
  });

  it("is silent when quiet", () => {
    const s = setting(true, {}, true);
    s.at(6000, 1);
    s.terminal.warning("x");
    expect(s.text).toBe("");
  });
});

describe("progress on a terminal", () => {
  it("redraws one line that fits, and clears it before anything else is printed", () => {
    const s = setting(true);
    s.at(0, 0, 10, "a step with a very long name indeed");
    s.at(50, 1, 10, "a step with a very long name indeed");
    s.terminal.warning("careful");
    s.progress.end();
    const [drawn, after] = s.text.split("\r\u001b[2K").slice(1);
    expect([...stripVTControlCharacters(drawn!)].length).toBeLessThanOrEqual(29);
    expect(stripVTControlCharacters(after!)).toBe("warning: careful\n");
  });

  it("has no colors under NO_COLOR and some without", () => {
    const plain = setting(true, { NO_COLOR: "1" });
    plain.terminal.error("E_X", "y");
    expect(plain.text).toBe("error[E_X]: y\n");
    const colored = setting(true);
    colored.terminal.error("E_X", "y");
    expect(colored.text).toContain("\u001b[31m");
  });

  it("obeys nothing that a step or a warning holds", () => {
    const s = setting(true);
    s.at(0, 0, 10, "x\u001b[2J");
    s.terminal.warning("y\u0007\nz");
    // The erasing of the line and colors are the terminal's own.
    expect(stripVTControlCharacters(s.text.replaceAll("\r\u001b[2K", ""))).toBe(
      "x\\u{1b}[2J 0/10warning: y\\u{7}\\u{a}z\n",
    );
  });
});
