import type { Parameter } from "./trainable-layer.js";

const [decay1, decay2] = [0.9, 0.999];

/**
 * Adam (Kingma and Ba 2015) on parameters in place. The learning rate is relative to each parameter's own scale, so
 * that it means the same for every factor of every layer.
 */
export class Adam {
  #step = 0;
  readonly #first: Float64Array[];
  readonly #second: Float64Array[];

  constructor(private readonly parameters: readonly Parameter[]) {
    this.#first = parameters.map(({ values }) => new Float64Array(values.length));
    this.#second = parameters.map(({ values }) => new Float64Array(values.length));
  }

  /** One step against the gradients. */
  step(gradients: readonly Float64Array[], rate: number): void {
    this.#step++;
    const [correction1, correction2] = [1 - decay1 ** this.#step, 1 - decay2 ** this.#step];
    this.parameters.forEach(({ values, scale }, p) => {
      const [gradient, first, second] = [gradients[p]!, this.#first[p]!, this.#second[p]!];
      const length = (rate * scale) / correction1;
      for (let i = 0; i < values.length; i++) {
        const g = gradient[i]!;
        first[i] = decay1 * first[i]! + (1 - decay1) * g;
        second[i] = decay2 * second[i]! + (1 - decay2) * g * g;
        const root = Math.sqrt(second[i]! / correction2);
        if (root > 0) values[i]! -= (length * first[i]!) / root;
      }
    });
  }
}
