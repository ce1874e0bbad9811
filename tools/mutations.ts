import { Node, Project, SyntaxKind, type SourceFile } from "ts-morph";

/** One change of a source file. */
export interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly kind: string;
  /** The first line that differs, before and after. */
  readonly before: string;
  readonly after: string;
  /** The whole file, changed. */
  readonly text: string;
}

interface Edit {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

const operators: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "&&": "||",
  "||": "&&",
  "??": "&&",
  "+=": "-=",
  "-=": "+=",
  "*=": "/=",
  "/=": "*=",
};

/** Pairs that are easily mixed up: swapping one for the other where both are in scope compiles and is wrong. */
const twins: readonly (readonly [string, string])[] = [
  ["inChannels", "outChannels"],
  ["inputOrder", "outputOrder"],
  ["rows", "cols"],
  ["strides", "dilations"],
  ["perIn", "perOut"],
  ["i", "j"],
  ["i", "o"],
  ["min", "max"],
  ["floor", "ceil"],
  ["every", "some"],
];

/**
 * Every mutant of a source text that this tool knows: swapped operators, comparisons and twins (axes, indices), constants
 * off by one, negated conditions, swapped arguments, dropped terms and filters, removed statements, lost results.
 */
export function mutantsOf(file: string, text: string): Mutant[] {
  const source = new Project({ useInMemoryFileSystem: true }).createSourceFile("subject.ts", text);
  const seen = new Set<string>();
  return editsOf(source)
    .sort((a, b) => a.start - b.start)
    .map((edit) => applied(file, text, edit))
    .filter((mutant) => mutant.text !== text && !seen.has(mutant.text) && seen.add(mutant.text));
}

function applied(file: string, text: string, { kind, start, end, by }: Edit): Mutant {
  const changed = text.slice(0, start) + by + text.slice(end);
  const [old, fresh] = [text.split("\n"), changed.split("\n")];
  const at = old.findIndex((line, i) => line !== fresh[i]);
  return {
    file,
    line: at + 1,
    kind,
    before: (old[at] ?? "").trim(),
    after: (fresh[at] ?? "").trim(),
    text: changed,
  };
}

function editsOf(source: SourceFile): Edit[] {
  return source.getDescendants().flatMap((node) => (isProse(node) ? [] : editsAt(node)));
}

/** Types, imports and texts for people are no behaviour that tests should pin down word by word. */
function isProse(node: Node): boolean {
  return [node, ...node.getAncestors()].some(
    (at) =>
      Node.isTypeNode(at) ||
      Node.isImportDeclaration(at) ||
      Node.isInterfaceDeclaration(at) ||
      Node.isTypeAliasDeclaration(at) ||
      Node.isTemplateExpression(at) ||
      (Node.isPropertyAssignment(at) && ["summary", "name", "kind"].includes(at.getName())) ||
      (Node.isCallExpression(at) && /(^|\.)(decline|note|invariant)$/.test(at.getExpression().getText())) ||
      Node.isThrowStatement(at),
  );
}

function editsAt(node: Node): Edit[] {
  const replace = (kind: string, by: string, at: Node = node): Edit => ({
    kind,
    start: at.getStart(),
    end: at.getEnd(),
    by,
  });
  if (Node.isBinaryExpression(node)) {
    const token = node.getOperatorToken();
    const other = operators[token.getText()];
    const [left, right] = [node.getLeft().getText(), node.getRight().getText()];
    const swapped = other === undefined ? [] : [replace(`${token.getText()} becomes ${other}`, other, token)];
    if (token.getText() === "+")
      return [...swapped, replace("drops a term", left), replace("drops a term", right)];
    return swapped;
  }
  if (Node.isNumericLiteral(node)) {
    const value = Number(node.getText());
    return [
      replace("constant + 1", String(value + 1)),
      ...(value > 0 ? [replace("constant - 1", String(value - 1))] : []),
    ];
  }
  if (Node.isIfStatement(node)) {
    const condition = node.getExpression();
    return [
      replace("negates a condition", `!(${condition.getText()})`, condition),
      replace("never takes a branch", "false", condition),
    ];
  }
  if (Node.isConditionalExpression(node)) {
    const [yes, no] = [node.getWhenTrue().getText(), node.getWhenFalse().getText()];
    return [replace("always the first", yes), replace("always the second", no)];
  }
  if (Node.isPrefixUnaryExpression(node) && ["!", "-"].includes(node.getText()[0]!))
    return [replace("drops a sign or negation", node.getOperand().getText())];
  if (node.getKind() === SyntaxKind.TrueKeyword) return [replace("true becomes false", "false")];
  if (node.getKind() === SyntaxKind.FalseKeyword) return [replace("false becomes true", "true")];
  if (Node.isExpressionStatement(node)) return [replace("removes a statement", ";")];
  if (Node.isReturnStatement(node)) {
    const value = node.getExpression()?.getText();
    return value === undefined || value === "null" ? [] : [replace("returns null", "return null;")];
  }
  if (Node.isIdentifier(node) && !isDeclared(node)) {
    const name = node.getText();
    const whole = node.getSourceFile().getFullText();
    return twins
      .filter((pair) => pair.includes(name))
      .map(([a, b]) => (name === a ? b : a))
      .filter(
        (other) =>
          /^(min|max|floor|ceil|every|some)$/.test(other) || new RegExp(`\\b${other}\\b`).test(whole),
      )
      .map((other) => replace(`${name} becomes ${other}`, other));
  }
  if (Node.isCallExpression(node)) {
    const given = node.getArguments();
    const called = node.getExpression();
    if (Node.isPropertyAccessExpression(called) && /^(filter|sort|slice)$/.test(called.getName()))
      return [
        replace(`drops a ${called.getName()}`, called.getExpression().getText()),
        ...(called.getName() === "filter" ? [replace("keeps nothing", "[]")] : []),
      ];
    if (Node.isPropertyAccessExpression(called) && /^(map|flatMap)$/.test(called.getName()))
      return [replace("an empty list", "[]")];
    if (Node.isIdentifier(called) && given.length === 1 && /^is[A-Z]/.test(called.getText()))
      return [replace("always yes", "true"), replace("always no", "false")];
    if (given.length < 2) return [];
    // The smaller of two numbers is the same either way.
    if (/^Math\.(min|max)$/.test(node.getExpression().getText())) return [];
    const [first, second] = [given[0]!.getText(), given[1]!.getText()];
    const start = given[0]!.getStart();
    const between = node.getSourceFile().getFullText().slice(given[0]!.getEnd(), given[1]!.getStart());
    return [
      { kind: "swaps two arguments", start, end: given[1]!.getEnd(), by: `${second}${between}${first}` },
      { kind: "drops the last argument", start: given.at(-2)!.getEnd(), end: given.at(-1)!.getEnd(), by: "" },
    ];
  }
  if (Node.isArrayLiteralExpression(node)) {
    const elements = node.getElements().map((element) => element.getText());
    if (elements.length < 2) return [];
    // The order of a list of names seldom means anything.
    if (node.getElements().every(Node.isStringLiteral)) return [];
    return [
      replace("swaps two elements", `[${[elements[1]!, elements[0]!, ...elements.slice(2)].join(", ")}]`),
      replace("drops the last element", `[${elements.slice(0, -1).join(", ")}]`),
    ];
  }
  return [];
}

/** A name where it is declared or names a property of a literal: changing that alone would not compile. */
function isDeclared(node: Node): boolean {
  const parent = node.getParent();
  if (Node.isBindingElement(parent) || Node.isShorthandPropertyAssignment(parent)) return true;
  const named =
    Node.isVariableDeclaration(parent) ||
    Node.isParameterDeclaration(parent) ||
    Node.isPropertyAssignment(parent);
  return (named || Node.isFunctionDeclaration(parent)) && parent.getNameNode() === node;
}
