/*
 * Are planted faults found, and is nothing else called one?
 *
 *     CONVOPT_PYTHON=python3 npx tsx bench/planted-faults.ts FOLDER MODEL.onnx… [--faults 200] [--reexports 200] [--seed 1]
 *
 * A Python script of its own (test/shared/planted_faults.py) corrupts the models, or writes them again so that they mean the
 * same, and measures both in ONNX Runtime on 256 inputs of its own. Every file is then verified against its model with no
 * option set, so on seeded noise, and bisected where it fails. Faults and re-exports are spread evenly over the models; those
 * that an earlier run left in the folder are used again.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  judgeFaults,
  plantFaults,
  summarize,
  type JudgedFile,
  type Planted,
} from "../test/shared/planted-faults.js";

const args = process.argv.slice(2);
function option(name: string, fallback: number): number {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(args.splice(at, 2)[1]);
}
const [faults, reexports] = [option("faults", 200), option("reexports", 200)];
const [seed, inputs] = [option("seed", 1), option("inputs", 256)];
const [folder, ...models] = args;
if (folder === undefined || models.length === 0) throw new Error("usage: planted-faults FOLDER MODEL.onnx…");
mkdirSync(folder, { recursive: true });

const judged: JudgedFile[] = [];
for (const [i, model] of models.entries()) {
  const share = (total: number): number =>
    Math.floor(((i + 1) * total) / models.length) - Math.floor((i * total) / models.length);
  const place = join(folder, basename(model, ".onnx"));
  const known = join(place, "planted.json");
  const planted = existsSync(known)
    ? (JSON.parse(readFileSync(known, "utf8")) as Planted)
    : plantFaults({
        model,
        folder: place,
        faults: share(faults),
        reexports: share(reexports),
        inputs,
        seed: seed + i,
      });
  writeFileSync(known, JSON.stringify(planted));
  console.error(`${model}: floor ${JSON.stringify(planted.floor)}`);
  for await (const file of judgeFaults(model, planted)) {
    judged.push(file);
    if (!file.right) console.error(`  ${JSON.stringify(file)}`);
  }
}
writeFileSync(join(folder, "judged.json"), JSON.stringify(judged, null, 1));
console.log(JSON.stringify(summarize(judged), null, 1));
