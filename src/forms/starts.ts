import { gram, matrix, multiply, scaleCols, solveSpd, symmetricEigen, type Matrix } from "../linalg/index.js";
import { rootsOf, unfold, type FitTarget } from "./target.js";

/*
 * Starting factors in closed form. W is O × (I·T), columns by channel then tap; each function picks the unfolding that
 * its form cuts and takes an SVD of it in the metric of the inputs, as far as that metric factorises over the unfolding.
 */

/** The first `rank` columns of a matrix, transposed: rank × rows; zeros where it has fewer. */
function leadingRows(vectors: Matrix, rank: number): Matrix {
  const known = Math.min(rank, vectors.cols);
  const result = matrix(rank, vectors.rows);
  for (let r = 0, at = 0; r < known; r++)
    for (let i = 0; i < vectors.rows; i++) result.data[at++] = vectors.data[i * vectors.cols + r]!;
  return result;
}

/** Squared singular values below this share of the largest are rounding. */
const negligible = 1e-14;

/**
 * Right singular vectors as columns, `rank` of them at least, by the eigenproblem of the smaller side: of a matrix with
 * fewer rows than columns no more than it has rows. Those of singular values that are but rounding are zero then.
 */
function rightVectors(target: FitTarget, key: string, a: Matrix, rank: number): Matrix {
  if (a.rows >= a.cols) return target.leading(key, rank, a.cols, () => gram(a)).vectors;
  const wanted = Math.min(rank, a.rows);
  const { values, vectors } = target.leading(key, wanted, a.rows, () => multiply(a, a, { transB: true }));
  const inverse = values.map((value) => (value > negligible * values[0]! ? 1 / Math.sqrt(value) : 0));
  return scaleCols(multiply(a, vectors, { transA: true }), inverse);
}

/**
 * Output side: W ≈ basisᵀ · front with basis (rank × O) the leading eigenvectors of the output covariance and
 * front = basis · W (rank × I·T). The optimum of all factorisations of this rank (Zhang et al. 2016, centred). Views:
 * factors of a smaller rank are the first rows of a larger one's.
 */
export function outputFactors(target: FitTarget, rank: number): { basis: Matrix; front: Matrix } {
  const { basis, front } = target.ofRank("output/factors", rank, () => {
    const basis = leadingRows(target.output(rank).vectors, rank);
    return { basis, front: multiply(basis, target.kernel) };
  });
  return { basis: firstRows(basis, rank), front: firstRows(front, rank) };
}

/** A view of a matrix' first rows. */
function firstRows({ cols, data }: Matrix, rows: number): Matrix {
  return matrix(rows, cols, data.subarray(0, rows * cols));
}

/**
 * Input side: W_t ≈ back_t · basis for every tap t, basis rank × I, back O × (rank·T) in the kernel's layout. SVD of
 * the unfolding (O·T) × I, whitened by the channels' covariance.
 */
export function inputFactors(
  target: FitTarget,
  rank: number,
  kernel: Matrix = target.kernel,
  key = "all",
): { basis: Matrix; back: Matrix } {
  const { taps } = target;
  const { inChannels } = target.layer;
  const outChannels = kernel.rows;
  const { root, inverse } = target.inputRoots;
  const white = target.memo(`input/${key}`, () => {
    const unfolded = unfold(
      outChannels * taps,
      inChannels,
      kernel.data,
      (p, i) => (Math.floor(p / taps) * inChannels + i) * taps + (p % taps),
    );
    return multiply(unfolded, root);
  });
  const axes = leadingRows(rightVectors(target, `input/${key}`, white, rank), rank);
  const scores = multiply(white, axes, { transB: true });
  const back = unfold(
    outChannels,
    rank * taps,
    scores.data,
    (o, q) => (o * taps + (q % taps)) * rank + Math.floor(q / taps),
  );
  return { basis: multiply(axes, inverse), back };
}

/**
 * Spatial cut (Jaderberg et al. 2014, scheme 2): W[o,i,a,b] ≈ Σ_r second[o,r,b] first[r,i,a] with `firstTaps` the flat
 * offsets of a and `secondTaps` of b. SVD of the unfolding (O·B) × (I·A), whitened on the input side.
 */
export function spatialFactors(
  target: FitTarget,
  rank: number,
  firstTaps: Int32Array,
  secondTaps: Int32Array,
): { first: Float64Array; second: Float64Array } {
  const { inChannels, outChannels } = target.layer;
  const { taps } = target;
  const [a, b] = [firstTaps.length, secondTaps.length];
  const column = (q: number, sample: number): number =>
    Math.floor(q / a) * taps + firstTaps[q % a]! + secondTaps[sample]!;
  const width = inChannels * a;
  const key = `spatial/${firstTaps.join()}`;
  const { root, inverse } = target.metricMemo(key, () =>
    rootsOf(target.sliceCovariance(column, b, width), width),
  );
  const white = target.memo(key, () => {
    const unfolded = unfold(
      outChannels * b,
      width,
      target.kernel.data,
      (p, q) => Math.floor(p / b) * inChannels * taps + column(q, p % b),
    );
    return multiply(unfolded, root);
  });
  const axes = leadingRows(rightVectors(target, key, white, rank), rank);
  const scores = multiply(white, axes, { transB: true });
  const second = new Float64Array(outChannels * rank * b);
  for (let o = 0; o < outChannels; o++) {
    for (let r = 0; r < rank; r++) {
      for (let t = 0; t < b; t++) second[(o * rank + r) * b + t] = scores.data[(o * b + t) * rank + r]!;
    }
  }
  return { first: multiply(axes, inverse).data, second };
}

/**
 * Depthwise first: W[o,i,t] ≈ Σ_m pointwise[o,(i,m)] depthwise[(i,m),t], channel by channel (Guo et al. 2018, network
 * decoupling), in the metric of each channel's own taps.
 */
export function depthwiseFactors(
  target: FitTarget,
  terms: number,
): { depthwise: Float64Array; pointwise: Float64Array } {
  const { inChannels, outChannels } = target.layer;
  const { taps, kernel } = target;
  const depthwise = new Float64Array(inChannels * terms * taps);
  const pointwise = new Float64Array(outChannels * inChannels * terms);
  const channels = target.memo("depthwise", () =>
    Array.from({ length: inChannels }, (_, i) => {
      const { root, inverse } = target.metricMemo(`taps/${i}`, () =>
        rootsOf(
          target.sliceCovariance((t) => i * taps + t, 1, taps),
          taps,
        ),
      );
      const slice = unfold(outChannels, taps, kernel.data, (o, t) => o * kernel.cols + i * taps + t);
      const white = multiply(slice, root);
      return { inverse, white, vectors: symmetricEigen(gram(white)).vectors };
    }),
  );
  for (let i = 0; i < inChannels; i++) {
    const { inverse, white, vectors } = channels[i]!;
    const axes = leadingRows(vectors, terms);
    const scores = multiply(white, axes, { transB: true });
    depthwise.set(multiply(axes, inverse).data, i * terms * taps);
    for (let o = 0; o < outChannels; o++) {
      for (let m = 0; m < terms; m++)
        pointwise[(o * inChannels + i) * terms + m] = scores.data[o * terms + m]!;
    }
  }
  return { depthwise, pointwise };
}

/**
 * Pointwise first: W[o,i,t] ≈ Σ_m depthwise[(o,m),t] pointwise[(o,m),i], output channel by output channel, whitened by
 * the input channels' covariance.
 */
export function pointwiseFactors(
  target: FitTarget,
  terms: number,
): { pointwise: Float64Array; depthwise: Float64Array } {
  const { inChannels, outChannels } = target.layer;
  const { taps, kernel } = target;
  const { root, inverse } = target.inputRoots;
  const pointwise = new Float64Array(outChannels * terms * inChannels);
  const depthwise = new Float64Array(outChannels * terms * taps);
  const channels = target.memo("pointwise", () =>
    Array.from({ length: outChannels }, (_, o) => {
      const slice = unfold(taps, inChannels, kernel.data, (t, i) => o * kernel.cols + i * taps + t);
      const white = multiply(slice, root);
      return { white, vectors: symmetricEigen(multiply(white, white, { transB: true })).vectors };
    }),
  );
  for (let o = 0; o < outChannels; o++) {
    const { white, vectors } = channels[o]!;
    const axes = leadingRows(vectors, terms);
    depthwise.set(axes.data, o * terms * taps);
    pointwise.set(multiply(multiply(axes, white), inverse).data, o * terms * inChannels);
  }
  return { pointwise, depthwise };
}

/**
 * One group's own output factors: W[:, own columns] ≈ P · F with F rank × (columns of the group), in the metric of the
 * group's inputs. `columns` are indices into the patch.
 */
export function groupFactors(target: FitTarget, rank: number, columns: Int32Array): Matrix {
  const { kernel } = target;
  const width = columns.length;
  const { slice, vectors } = target.memo(`group/${columns[0]}/${width}`, () => {
    const own = unfold(kernel.rows, width, kernel.data, (o, q) => o * kernel.cols + columns[q]!);
    const covariance = target.sliceCovariance((q) => columns[q]!, 1, width);
    const weighted = covariance ? multiply(own, covariance) : own;
    return { slice: own, vectors: symmetricEigen(multiply(weighted, own, { transB: true })).vectors };
  });
  return multiply(leadingRows(vectors, rank), slice);
}

/** Rows `outputs` of W refitted to read the patch entries `columns` only: W C[:, g] C[g, g]⁻¹. Outputs × columns. */
export function restrictedKernel(target: FitTarget, outputs: Int32Array, columns: Int32Array): Matrix {
  const { kernel, covariance } = target;
  const width = columns.length;
  if (!covariance) {
    return unfold(outputs.length, width, kernel.data, (o, q) => outputs[o]! * kernel.cols + columns[q]!);
  }
  const { product } = target;
  const normal = covariance.block(columns, columns);
  const right = unfold(
    width,
    outputs.length,
    product.data,
    (q, o) => outputs[o]! * product.cols + columns[q]!,
  );
  const solution = solveSpd(normal, right, 1e-8);
  return unfold(outputs.length, width, solution.data, (o, q) => q * solution.cols + o);
}

/** The columns of a patch that belong to input channels from … to − 1. */
export function channelColumns(from: number, to: number, taps: number): Int32Array {
  return Int32Array.from({ length: (to - from) * taps }, (_, q) => from * taps + q);
}

export function rowsOf(a: Matrix, from: number, to: number): Matrix {
  return matrix(to - from, a.cols, a.data.slice(from * a.cols, to * a.cols));
}
