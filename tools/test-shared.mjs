// Runs the tests that need the shared models, data and the Python peers; says what ran, fails when anything was skipped.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const shared = join(root, "..", "shared");
if (!existsSync(join(shared, "models"))) {
  console.log(
    "SKIPPED: ../shared is not here, so no test of real models ran. Put the shared material beside the checkout.",
  );
  process.exit(0);
}

const python = ensurePeers();
const scratch = mkdtempSync(join(tmpdir(), "convopt-shared-"));
const resultFile = join(scratch, "results.json");
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const args = [
  vitest,
  "run",
  "--project",
  "shared",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${resultFile}`,
];
const { status } = spawnSync(process.execPath, [...args, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, CONVOPT_PYTHON: python, CONVOPT_SHARED: shared },
});

const results = existsSync(resultFile) ? JSON.parse(readFileSync(resultFile, "utf8")) : { testResults: [] };
rmSync(scratch, { recursive: true, force: true });
let skipped = 0;
console.log("\nShared tests by file:");
for (const file of results.testResults) {
  const count = (state) => file.assertionResults.filter((result) => result.status === state).length;
  const left = file.assertionResults.length - count("passed") - count("failed");
  skipped += left;
  console.log(
    `  ${relative(root, file.name)}: ${count("passed")} passed, ${count("failed")} failed, ${left} skipped`,
  );
}
const all = results.testResults.flatMap((file) => file.assertionResults);
const ran = all.length;
if (ran === 0) console.error("No shared test ran although ../shared is here.");
if (skipped > 0) console.error(`${skipped} shared tests were skipped although ../shared is here.`);
const total = (state) => all.filter((result) => result.status === state).length;
console.log(`${total("passed")} passed, ${total("failed")} failed`);
process.exit(status !== 0 || ran === 0 || skipped > 0 ? 1 : 0);

/** A virtual environment with the pinned peers, made once and kept among the caches of node_modules. */
function ensurePeers() {
  if (process.env.CONVOPT_PYTHON) return process.env.CONVOPT_PYTHON;
  const folder = join(root, "node_modules", ".cache", "convopt-peers");
  const executable = join(folder, "bin", "python");
  const requirements = join(root, "test", "shared", "requirements.txt");
  const stamp = join(folder, "requirements.txt");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === readFileSync(requirements, "utf8"))
    return executable;
  console.log("Making the virtual environment of the Python peers …");
  for (const [command, ...rest] of [
    ["python3", "-m", "venv", folder],
    [executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
    ["cp", requirements, stamp],
  ]) {
    const step = spawnSync(command, rest, { stdio: "inherit" });
    if (step.status !== 0) {
      console.error(`${command} ${rest.join(" ")} failed`);
      process.exit(1);
    }
  }
  return executable;
}
