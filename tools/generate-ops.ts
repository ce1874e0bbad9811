/*
 * Writes src/ops/generated/attributes.ts from src/ops/schemas.json: the typed attribute view of every operator and the
 * table of attribute defaults by version. A new operator set is a new dump of the table (tools/op-schemas.py) and a run
 * of this file.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Project, VariableDeclarationKind, type SourceFile } from "ts-morph";

interface SchemaAttribute {
  readonly type: string;
  readonly required?: boolean;
  readonly default?: number | string | readonly (number | string)[];
}

interface Schema {
  readonly since: number;
  readonly attributes: Readonly<Record<string, SchemaAttribute>>;
}

interface SchemaTable {
  readonly onnx: string;
  readonly opsets: Readonly<Record<string, number>>;
  readonly domains: Readonly<Record<string, Readonly<Record<string, readonly Schema[]>>>>;
}

interface Operator {
  readonly name: string;
  readonly domain: string;
  readonly schemas: readonly Schema[];
}

const viewTypes: Readonly<Record<string, string>> = {
  int: "number",
  float: "number",
  string: "string",
  ints: "readonly number[]",
  floats: "readonly number[]",
  strings: "readonly string[]",
  tensor: "Tensor",
  tensors: "readonly Tensor[]",
  graph: "Graph",
  graphs: "readonly Graph[]",
};

const source = new URL("../src/ops/schemas.json", import.meta.url);
const target = fileURLToPath(new URL("../src/ops/generated/attributes.ts", import.meta.url));

function operatorsOf(table: SchemaTable): readonly Operator[] {
  const seen = new Map<string, string>();
  const operators: Operator[] = [];
  for (const [domain, named] of Object.entries(table.domains)) {
    for (const [name, schemas] of Object.entries(named)) {
      const other = seen.get(name);
      if (other !== undefined) throw new Error(`${name} is an operator of "${other}" and of "${domain}"`);
      seen.set(name, domain);
      operators.push({ name, domain, schemas });
    }
  }
  return operators;
}

/** Attribute names over all versions; those without a plain value (types, sparse tensors) are left to the node. */
function attributeNames({ schemas }: Operator): readonly string[] {
  const names = new Set<string>();
  for (const schema of schemas) {
    for (const [name, { type }] of Object.entries(schema.attributes)) if (viewTypes[type]) names.add(name);
  }
  return [...names].sort();
}

/** The union of an attribute's types; null where a version lacks it or gives it no default. */
function viewType({ schemas }: Operator, name: string): string {
  const types = new Set<string>();
  let optional = false;
  for (const schema of schemas) {
    const attribute = schema.attributes[name];
    if (attribute) types.add(viewTypes[attribute.type]!);
    if (!attribute || (attribute.required !== true && attribute.default === undefined)) optional = true;
  }
  return [...[...types].sort(), ...(optional ? ["null"] : [])].join(" | ");
}

function kindsOf({ schemas }: Operator, name: string): readonly string[] {
  return [
    ...new Set(schemas.flatMap((schema) => (schema.attributes[name] ? [schema.attributes[name].type] : []))),
  ].sort();
}

function addInterfaces(file: SourceFile, operators: readonly Operator[]): void {
  const all = file.addInterface({
    name: "OpAttributes",
    isExported: true,
    docs: [
      "Attributes of every operator: the union over all its versions, null where a version has no value and no default.",
    ],
  });
  for (const operator of operators) {
    const fields = attributeNames(operator).map((name) => `readonly ${name}: ${viewType(operator, name)}`);
    all.addProperty({
      name: operator.name,
      isReadonly: true,
      type: fields.length === 0 ? "Readonly<Record<never, never>>" : `{ ${fields.join("; ")} }`,
    });
  }
}

function tableEntry(operator: Operator): string {
  const kinds = attributeNames(operator).map(
    (name) => `${JSON.stringify(name)}: ${JSON.stringify(kindsOf(operator, name))}`,
  );
  const versions: string[] = [];
  for (const { since, attributes } of operator.schemas) {
    const named = Object.entries(attributes).filter(([, { type }]) => viewTypes[type]);
    const defaults = named.filter(([, attribute]) => attribute.default !== undefined);
    const required = named.filter(([, attribute]) => attribute.required === true).map(([name]) => name);
    const values = defaults.map(
      ([name, attribute]) => `${JSON.stringify(name)}: ${JSON.stringify(attribute.default)}`,
    );
    versions.push(
      `{ since: ${since}, defaults: { ${values.join(", ")} }, required: ${JSON.stringify(required)} }`,
    );
  }
  return `{ domain: ${JSON.stringify(operator.domain)}, kinds: { ${kinds.join(", ")} }, versions: [${versions.join(", ")}] }`;
}

function generate(): void {
  const table = JSON.parse(readFileSync(source, "utf8")) as SchemaTable;
  const operators = operatorsOf(table);
  const project = new Project({ useInMemoryFileSystem: false, skipAddingFilesFromTsConfig: true });
  const file = project.createSourceFile(target, "", { overwrite: true });
  file.addImportDeclaration({
    moduleSpecifier: "../../ir/index.js",
    isTypeOnly: true,
    namedImports: ["Attribute", "Graph", "Tensor"],
  });
  addInterfaces(file, operators);
  file.addInterface({
    name: "OpVersions",
    isExported: true,
    docs: ["What the schema table says of one operator's attributes."],
    properties: [
      { name: "domain", isReadonly: true, type: "string" },
      { name: "kinds", isReadonly: true, type: 'Readonly<Record<string, readonly Attribute["kind"][]>>' },
      {
        name: "versions",
        isReadonly: true,
        type: `readonly {
          readonly since: number;
          readonly defaults: Readonly<Record<string, number | string | readonly number[] | readonly string[]>>;
          readonly required: readonly string[];
        }[]`,
        docs: ["Oldest first."],
      },
    ],
  });
  file.addVariableStatement({
    isExported: true,
    declarationKind: VariableDeclarationKind.Const,
    docs: ["Newest operator-set version of the default domain that the table knows."],
    declarations: [{ name: "newestOpset", initializer: String(table.opsets[""]) }],
  });
  file.addVariableStatement({
    isExported: true,
    declarationKind: VariableDeclarationKind.Const,
    declarations: [
      {
        name: "opVersions",
        type: "Readonly<Record<keyof OpAttributes, OpVersions>>",
        initializer: `{\n${operators.map((operator) => `${operator.name}: ${tableEntry(operator)},`).join("\n")}\n}`,
      },
    ],
  });
  file.insertText(
    0,
    `// Made by tools/generate-ops.ts from src/ops/schemas.json (ONNX ${table.onnx}); do not edit.\n\n`,
  );
  file.saveSync();
  console.log(`${target}: ${operators.length} operators`);
}

generate();
