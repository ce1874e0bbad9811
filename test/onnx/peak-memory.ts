import { main } from "../../src/cli/main.js";

/* Runs a command line and then says on stdout how many bytes the process held at most. */

const quiet = { isTTY: false, columns: 80, write: () => undefined };
const stderr = { ...quiet, write: (text: string) => process.stderr.write(text) };
process.exitCode = await main(process.argv.slice(2), { stdout: quiet, stderr, env: process.env });
process.stdout.write(`${process.resourceUsage().maxRSS * 1024}\n`);
