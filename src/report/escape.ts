/*
 * The one place where strings that come from a model, a file name or a user are made safe to show. Names may hold
 * terminal escapes, bidirectional overrides, Markdown, HTML or spreadsheet formulas.
 */

/**
 * Characters that steer or vanish instead of showing: C0 and C1 controls, bidirectional controls, line separators,
 * zero-width and other default-ignorable characters (soft hyphen, Hangul fillers, tags), lone surrogates.
 */
const invisible =
  // eslint-disable-next-line no-control-regex, no-misleading-character-class
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\u{e0000}-\u{e0fff}]/gu;

/** Makes controls visible as `\u{…}`, so that what is shown is what is there. */
export function visible(text: string): string {
  return text.replace(invisible, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** Text for a terminal: no control reaches it. */
export const forTerminal = visible;

/** Text for a cell of a Markdown table or inline Markdown: punctuation with a meaning is escaped. */
export function forMarkdown(text: string): string {
  return visible(text)
    .replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c] ?? c)
    .replace(/[\\`*_{}[\]#+!|~$]/g, (c) => `\\${c}`)
    .replace(/^(\s*)([-=])/, "$1\\$2")
    .replace(/^(\s*\d+)([.)])(?=\s|$)/, "$1\\$2")
    .replace(/:\/\//g, "&#58;//")
    .replace(/www\./gi, (c) => `${c.slice(0, 3)}&#46;`)
    .replace(/@/g, "&#64;");
}

/** Text and attribute values of HTML, SVG and XML. */
export function forHtml(text: string): string {
  return visible(text).replace(
    /[&<>"'`]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "`": "&#96;" })[c] ?? c,
  );
}

/** A field of a GitHub workflow command: `property` also escapes what separates properties. */
export function forWorkflowCommand(text: string, property = false): string {
  const escaped = visible(text).replace(/%/g, "%25");
  return property ? escaped.replace(/:/g, "%3A").replace(/,/g, "%2C") : escaped;
}

/**
 * JSON of a value, indented by one space. Everything invisible is `\uXXXX`, so that it may be printed; the parsed value
 * is the same.
 */
export function forJson(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(invisible, (c) =>
    c === "\n"
      ? c
      : Array.from(
          { length: c.length },
          (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, "0")}`,
        ).join(""),
  );
}
