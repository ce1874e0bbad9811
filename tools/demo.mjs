// The main job on the project's own fixture: half the MACs, judged on the written file, then checked against labels.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, "demo-out");
mkdirSync(out, { recursive: true });
const fixture = (name) => relative(process.cwd(), join(root, "fixtures", name));
const output = (name) => relative(process.cwd(), join(out, name));

function convopt(...args) {
  console.log(`\n$ convopt ${args.join(" ")}`);
  const { status } = spawnSync(process.execPath, [join(root, "dist", "cli.js"), ...args], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}

const data = ["--preprocess", fixture("shapes20.preprocess.json")];
convopt(
  ...["optimize", fixture("shapes20.onnx"), output("shapes20-half.onnx"), "--keep-macs", "0.5"],
  ...["--calib", fixture("shapes20-calib.npz"), ...data],
  ...["html", "md", "json"].flatMap((kind) => ["--report", output(`report.${kind}`)]),
);
convopt(
  ...["verify", fixture("shapes20.onnx"), output("shapes20-half.onnx")],
  ...[
    "--data",
    fixture("shapes20-test.npz"),
    "--labels",
    fixture("shapes20-test.npz"),
    ...data,
    "--max-error",
    "1",
  ],
);
console.log(
  `\nModel:  ${output("shapes20-half.onnx")}\nReport: ${output("report.html")} (and report.md, report.json)`,
);
