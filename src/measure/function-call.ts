import {
  ModelError,
  Node,
  type Attribute,
  type Attributes,
  type FunctionDefinition,
  type Model,
} from "../ir/index.js";

/*
 * Model-local functions. A body is shared by all its calls; what differs between them are the attributes that
 * references in the body stand for.
 */

/** Values of a function's attributes at one call; empty outside functions. */
export type Bindings = ReadonlyMap<string, Attribute>;

export const noBindings: Bindings = new Map();

/** Calls nested deeper than this are taken for a recursion, which ONNX forbids. */
const deepestCall = 64;
/** Nodes inside functions, counted at every call: functions that call functions can double them at each level. */
const mostNodes = 2 ** 17;

/** Throws a ModelError when the call is nested too deep to be no recursion. */
export function checkDepth(definition: FunctionDefinition, call: Node, depth: number): void {
  if (depth < deepestCall) return;
  throw new ModelError("E_FUNCTION_RECURSION", `the function ${definition.name} calls itself`, {
    where: { node: call.label, op: call.op },
  });
}

export interface InliningBudget {
  /** Throws a ModelError once too many nodes were counted. */
  spend(node: Node): void;
}

/** Counts nodes of function bodies while calls are followed into them. */
export function inliningBudget(): InliningBudget {
  let nodes = 0;
  return {
    spend: (node) => {
      if (++nodes <= mostNodes) return;
      throw new ModelError(
        "E_TOO_MANY_NODES",
        `more than ${mostNodes} nodes in functions, counted at every call`,
        {
          where: { node: node.label, op: node.op },
        },
      );
    },
  };
}

/** The function that the node calls, if it calls one. A model's own function goes before an operator of that name. */
export function functionOf(model: Model, node: Node): FunctionDefinition | undefined {
  return model.functions.length === 0 ? undefined : model.function(node.domain, node.op, node.overload);
}

/** What references mean in the body: attributes of the call, the function's defaults for the rest. */
export function bindAttributes(definition: FunctionDefinition, call: Node): Bindings {
  const bindings = new Map<string, Attribute>(definition.defaults);
  for (const name of [...definition.attributes, ...definition.defaults.keys()]) {
    const given = call.attributes.get(name);
    if (given && given.kind !== "reference") bindings.set(name, given);
  }
  return bindings;
}

/**
 * The node with its attribute references replaced; the node itself when it has none. A reference to an attribute that
 * neither the call nor the function gives leaves the attribute out. The copy belongs to no graph.
 */
export function resolveReferences(node: Node, bindings: Bindings): Node {
  let attributes: Map<string, Attribute> | null = null;
  for (const [name, attribute] of node.attributes) {
    if (attribute.kind !== "reference") continue;
    attributes ??= new Map(node.attributes);
    const bound = bindings.get(attribute.name);
    if (bound) attributes.set(name, bound);
    else attributes.delete(name);
  }
  return attributes ? withAttributes(node, attributes) : node;
}

function withAttributes(node: Node, attributes: Attributes): Node {
  return new Node({
    op: node.op,
    domain: node.domain,
    overload: node.overload,
    name: node.name === "" ? node.label : node.name,
    inputs: node.inputs,
    outputs: node.outputs,
    attributes,
    docString: node.docString,
    origin: node.origin,
    source: node.source,
  });
}
