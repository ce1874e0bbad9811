export * from "./cholesky.js";
export { symmetricEigen, topEigen, type SymmetricEigen, type TopEigenOptions } from "./eigen.js";
export * from "./gemm.js";
export * from "./least-squares.js";
export * from "./matrix.js";
export * from "./qr.js";
export * from "./random.js";
export * from "./square-root.js";
export * from "./svd.js";
