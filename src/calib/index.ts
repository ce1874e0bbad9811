export type { DataInput, DataSet, SampleArray } from "./data-set.js";
export { loadLabels } from "./labels.js";
export { dataSetOf, loadData, type LoadDataOptions } from "./load-data.js";
export { readNpy, writeNpy } from "./npy.js";
export { readNpz, writeNpz } from "./npz.js";
export { loadPreprocess, parsePreprocess, type ImageSize, type Preprocess } from "./preprocess.js";
export { seededInput, type ShapeOf } from "./seeded-input.js";
export { fewestImages, splitImages, type ImageSplit } from "./split.js";
export {
  momentStream,
  PatchRows,
  PatchSums,
  type GroupMoments,
  type LayerMeans,
  type LayerMoments,
  type MomentSource,
} from "./patch-moments.js";
