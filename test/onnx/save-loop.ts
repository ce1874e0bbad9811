/* Child process of save.test.ts: saves one of two models over the same path, again and again, until it is killed. */
import { loadModel, saveModel } from "../../src/onnx/index.js";

const [first, second, target] = process.argv.slice(2) as [string, string, string];
const models = [await loadModel(first), await loadModel(second)];
process.stdout.write("ready\n");
for (let i = 0; ; i++) await saveModel(models[i % 2]!, target);
