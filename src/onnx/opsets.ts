import { ModelError } from "../ir/index.js";
import { amend, toInt64, toNumber, type OperatorSetIdProto } from "./proto.js";

/** Operator-set versions by domain; `ai.onnx` is another name of the default domain. */
export function opsetsFrom(imports: readonly OperatorSetIdProto[]): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of imports) {
    const key = normalDomain(domain);
    if (opsets.has(key) && opsets.get(key) !== toNumber(version)) {
      throw new ModelError(
        "E_MODEL_OPSET",
        `the operator set ${JSON.stringify(key)} is imported in two versions`,
      );
    }
    opsets.set(key, toNumber(version));
  }
  return opsets;
}

export function normalDomain(domain: string | null | undefined): string {
  return domain === "ai.onnx" ? "" : (domain ?? "");
}

/** The imports of a file: its own list while it says the same, else its entries with new versions and domains. */
export function opsetsToProto(
  opsets: ReadonlyMap<string, number>,
  source: readonly OperatorSetIdProto[] = [],
): OperatorSetIdProto[] {
  const entries = source
    .filter(({ domain }) => opsets.has(normalDomain(domain)))
    .map((entry) => {
      const version = opsets.get(normalDomain(entry.domain))!;
      return toNumber(entry.version) === version ? entry : amend(entry, { version: toInt64(version) });
    });
  const listed = new Set(source.map(({ domain }) => normalDomain(domain)));
  for (const [domain, version] of opsets) {
    if (!listed.has(domain)) entries.push({ domain, version: toInt64(version) });
  }
  return entries;
}
