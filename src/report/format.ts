/** Numbers as people read them; "—" for what was not measured. */

const dash = "—";

/** 40551424 → "40.55 M". */
export function quantity(value: number | null): string {
  if (value === null) return dash;
  const units = [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const;
  for (const [size, unit] of units) {
    if (Math.abs(value) >= size * 0.9995) return `${(value / size).toFixed(2)} ${unit}`;
  }
  return String(Math.round(value * 1000) / 1000);
}

/** Bytes in decimal units. */
export function byteSize(value: number | null): string {
  if (value === null) return dash;
  const text = quantity(value);
  return text.includes(" ") ? `${text}B` : `${text} B`;
}

export function percent(value: number | null, digits = 1): string {
  return value === null ? dash : `${(100 * value).toFixed(digits)} %`;
}

/** Errors and divergences: three significant digits, scientific when small. */
export function small(value: number | null): string {
  if (value === null) return dash;
  if (value === 0) return "0";
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4
    ? String(Number(value.toPrecision(3)))
    : value.toExponential(2);
}

export function milliseconds(value: number | null): string {
  if (value === null) return dash;
  if (value < 1000) return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
  return value < 120_000 ? `${(value / 1000).toFixed(1)} s` : `${(value / 60_000).toFixed(1)} min`;
}

/** Milliseconds without their unit, to about three digits however few they are. */
export function preciseMilliseconds(ms: number): string {
  if (ms === 0) return "0";
  return ms.toFixed(ms < 1 ? 4 : ms < 10 ? 3 : ms < 100 ? 2 : 1);
}

/** "0.650 ± 0.004": a value with half its interval, which is left out where it shows as nothing. */
export function plusMinus(
  value: number,
  interval: readonly [number, number],
  text: (value: number) => string,
): string {
  const half = text((interval[1] - interval[0]) / 2);
  return half === text(0) ? text(value) : `${text(value)} ± ${half}`;
}

export function ratio(value: number | null): string {
  return value === null ? dash : value.toFixed(3);
}
