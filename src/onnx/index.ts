export { decodeModel, type DecodeOptions } from "./decode-model.js";
export { externalBytes } from "./external-layout.js";
export { encodeModel } from "./encode-model.js";
export { externalFilesOf, loadModel, type LoadOptions } from "./load-model.js";
export { saveModel, type SaveOptions } from "./save-model.js";
export { decodeTensorFile, encodeTensorFile, type TensorFileKind } from "./tensor-file.js";
export { defaultLimits, type Limits } from "./scan.js";
