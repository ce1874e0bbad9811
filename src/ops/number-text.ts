import { ModelError, type DType } from "../ir/index.js";
import type { Site } from "./operand.js";

/* Numbers as text and back, the way numpy writes and reads them: ONNX Cast leaves the details to it. */

/** Shortest decimal that reads back as the same float of this type: plain from 1e-4 to 1e16, else scientific. */
export function formatFloat(x: number, dtype: DType): string {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "INF" : "-INF";
  if (x === 0) return Object.is(x, -0) ? "-0.0" : "0.0";
  const [mantissa, exponent] = shortest(x, dtype).toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  const digits = mantissa.replace(/[-.]/g, "");
  const sign = x < 0 ? "-" : "";
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, "0");
  return `${sign}${whole}.${digits.slice(power + 1) || "0"}`;
}

/** The number with the fewest decimal digits that rounds to `x` in the type. */
function shortest(x: number, dtype: DType): number {
  if (dtype === "float64") return x;
  const digits = dtype === "float16" ? 3 : dtype === "bfloat16" ? 2 : 6;
  for (let precision = digits; precision < 10; precision++) {
    const candidate = Number(x.toPrecision(precision));
    if (Math.fround(candidate) === Math.fround(x)) return candidate;
  }
  return x;
}

/** A number written as «3.14», «1e-5», «INF», «-inf» or «NaN». */
export function parseFloatText(site: Site, text: string): number {
  const plain = text.trim().toLowerCase();
  if (/^[+-]?inf(inity)?$/.test(plain)) return plain.startsWith("-") ? -Infinity : Infinity;
  if (plain === "nan") return NaN;
  const value = Number(plain);
  if (plain === "" || Number.isNaN(value)) throw notANumber(site, text);
  return value;
}

/** A whole number; a fraction is cut off. */
export function parseIntegerText(site: Site, text: string): bigint {
  const plain = text.trim();
  if (/^[+-]?\d+$/.test(plain)) return BigInt(plain.replace(/^\+/, ""));
  const value = parseFloatText(site, text);
  if (!Number.isFinite(value)) throw notANumber(site, text);
  return BigInt(Math.trunc(value));
}

function notANumber({ node }: Site, text: string): ModelError {
  return new ModelError("E_VALUE", `${JSON.stringify(text.slice(0, 40))} is not a number`, {
    where: { node: node.label, op: node.op },
  });
}
