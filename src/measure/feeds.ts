import { ModelError, UsageError, type Graph, type Tensor, type Value } from "../ir/index.js";

/**
 * Checks feeds against the declared inputs: every required input there, no unknown name, dtype, rank and fixed
 * dimensions as declared. Throws a ModelError that says what is expected.
 */
export function checkFeeds(graph: Graph, feeds: ReadonlyMap<string, Tensor>): void {
  for (const name of feeds.keys()) {
    const input = graph.inputs.find((candidate) => candidate.name === name);
    if (!input) throw new ModelError("E_FEED_UNKNOWN", "the model has no such input", expected(graph, name));
    if (input.constant) {
      throw new ModelError(
        "E_FEED_CONSTANT",
        "the initializer of this name can't be overridden",
        expected(graph, name),
      );
    }
  }
  for (const input of graph.inputs) {
    const tensor = feeds.get(input.name);
    if (tensor) checkFeed(graph, input, tensor);
    else if (!input.initializer) {
      throw new ModelError("E_FEED_MISSING", "no data is given for an input", expected(graph, input.name));
    }
  }
}

function checkFeed(graph: Graph, input: Value, tensor: Tensor): void {
  const { type } = input;
  if (!type) return;
  const fail = (what: string): never => {
    throw new ModelError("E_FEED_TYPE", what, expected(graph, input.name));
  };
  if (type.dtype !== tensor.dtype) fail(`the data is ${tensor.dtype}, the input wants ${type.dtype}`);
  const { shape } = type;
  if (!shape) return;
  if (shape.length !== tensor.dims.length) {
    fail(`the data has rank ${tensor.dims.length}, the input has rank ${shape.length}`);
  }
  shape.forEach((dim, axis) => {
    if (typeof dim === "number" && dim !== tensor.dims[axis]) {
      fail(`axis ${axis} of the data is ${tensor.dims[axis]}, the input wants ${dim}`);
    }
  });
}

function expected(graph: Graph, tensor: string): { where: { tensor: string }; hint: string } {
  const inputs = graph.requiredInputs.map(describeInput);
  return {
    where: { tensor },
    hint: inputs.length === 0 ? "the model wants no data" : `expected: ${inputs.join(", ")}`,
  };
}

function describeInput({ name, type }: Value): string {
  if (!type) return name;
  return `${name} ${type.dtype}[${type.shape?.map((dim) => dim ?? "?").join(", ") ?? "…"}]`;
}

/** The values that `names` ask for, inner ones allowed; the graph's outputs by default. A UsageError for unknown names. */
export function requestedOutputs(graph: Graph, names: readonly string[] | undefined): readonly Value[] {
  if (!names) return graph.outputs;
  return names.map((name) => {
    const value = graph.value(name);
    if (value) return value;
    throw new UsageError("E_OUTPUT_UNKNOWN", "the model has no such value", {
      where: { tensor: name },
      hint: `its outputs are ${graph.outputs.map((output) => JSON.stringify(output.name)).join(", ")}`,
    });
  });
}
