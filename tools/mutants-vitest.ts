// What mutation testing runs tests under: describe, it and it.each of vitest with its own expect, in one plain process that
// ends with exit code 1 at the first test that fails. Bundled in place of "vitest".
import { chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from "@vitest/expect";

type Body = (...values: never[]) => unknown;

interface Registered {
  readonly name: string;
  run(): unknown;
}

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

export const expect = chai.expect;

const tests: Registered[] = [];
let path = "";

export function describe(name: string, body: () => void): void {
  const outer = path;
  path = `${outer}${name} > `;
  body();
  path = outer;
}

export function it(name: string, body: Body): void {
  tests.push({ name: path + name, run: body });
}

/** Rows that are arrays are spread over the parameters, as in vitest. */
it.each =
  (rows: readonly unknown[]) =>
  (name: string, body: Body): void => {
    for (const row of rows) {
      const values = (Array.isArray(row) ? row : [row]) as never[];
      it(name, () => body(...values));
    }
  };

export async function runTests(): Promise<void> {
  for (const { name, run } of tests) {
    try {
      await run();
    } catch (error) {
      console.error(name, error);
      process.exit(1);
    }
  }
  process.exit(tests.length > 0 ? 0 : 1);
}
