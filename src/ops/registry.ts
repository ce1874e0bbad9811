import * as families from "./families.js";
import type { OpDefinition } from "./op.js";

/** What the lookup needs of a node. */
export interface OpKey {
  readonly op: string;
  readonly domain: string;
}

function isDefinition(value: unknown): value is OpDefinition {
  return (
    typeof value === "object" && value !== null && "infer" in value && "name" in value && "domain" in value
  );
}

const definitions = new Map<string, OpDefinition>(
  Object.values(families)
    .flatMap((family) => Object.values(family) as unknown[])
    .filter(isDefinition)
    .map((definition) => [keyOf({ op: definition.name, domain: definition.domain }), definition]),
);

function keyOf({ op, domain }: OpKey): string {
  return domain === "" ? op : `${domain}:${op}`;
}

/** The definition of a node's operator, undefined for one that convopt doesn't know (or a model-local function). */
export function opDefinition(node: OpKey): OpDefinition | undefined {
  return definitions.get(keyOf(node));
}

/** Every registered definition. */
export function opDefinitions(): readonly OpDefinition[] {
  return [...definitions.values()];
}
