import { certificateStatement, type CertificateCheck } from "./certificate.js";
import { forTerminal } from "./escape.js";
import { shorten, textTable, type Column } from "./table.js";

const rules: Readonly<Record<CertificateCheck["lines"][number]["rule"], string>> = {
  exact: "exactly",
  factor: "factor 2",
  count: "1 in 1000",
  decibel: "6 dB",
};

/** Whether a certificate holds, for a terminal: the lines that differ, and what was not judged. */
export function renderCertificateCheck(check: CertificateCheck): string {
  const { lines, notes, confirmed, measured } = check;
  const different = lines.filter(({ same }) => !same);
  const columns: Column[] = [
    { title: "line" },
    { title: "certificate" },
    { title: "found" },
    { title: "must agree" },
  ];
  const rows = different.map(({ line, recorded, found, rule }) => [
    shorten(forTerminal(line), 60),
    shorten(forTerminal(recorded), 70),
    shorten(forTerminal(found), 70),
    rules[rule],
  ]);
  const parts = [
    different.length > 0 ? textTable(columns, rows) : "",
    measured || confirmed ? "" : "The models were not run: what is to be measured is not what was certified.",
    notes.length > 0 ? ["not judged:", ...notes.map((note) => `  ${forTerminal(note)}`)].join("\n") : "",
    confirmed
      ? `Confirmed: all ${lines.length} lines of the certificate.`
      : `DENIED: ${different.length} of ${lines.length} lines differ.`,
    certificateStatement,
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}
