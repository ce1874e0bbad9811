import {
  decodeValues,
  dtypes,
  elementCount,
  isComplex,
  isNarrowFloat,
  ModelError,
  Tensor,
  type DType,
  type ErrorPlace,
  type Values,
} from "../ir/index.js";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const maxHeader = 1 << 20;
const maxRank = 64;

/** numpy's type codes without byte order. */
const dtypeOfDescr: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["b1", "bool"],
  ["i1", "int8"],
  ["i2", "int16"],
  ["i4", "int32"],
  ["i8", "int64"],
  ["u1", "uint8"],
  ["u2", "uint16"],
  ["u4", "uint32"],
  ["u8", "uint64"],
  ["f2", "float16"],
  ["f4", "float32"],
  ["f8", "float64"],
  ["c8", "complex64"],
  ["c16", "complex128"],
]);

export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/**
 * The array of a .npy file (format 1.0 to 3.0, numbers and bools of either byte order, C or Fortran order). Views the
 * bytes where it can. Throws ModelError E_NPY for anything else, a header that lies about the data included.
 */
export function readNpy(bytes: Uint8Array, where: ErrorPlace = {}): Tensor {
  const bad = (what: string): ModelError => new ModelError("E_NPY", what, { where });
  if (!isNpy(bytes)) throw bad("this is not a .npy file");
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) throw bad(`.npy format ${version} is not known`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw bad("the .npy header is cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > maxHeader || start + length > bytes.length) throw bad("the .npy header is cut off");
  const text = new TextDecoder("utf-8").decode(bytes.subarray(start, start + length));
  const { descr, fortran, dims } = parseHeader(text, bad);
  const dtype = dtypeOfDescr.get(descr.slice(1));
  if (dtype === undefined) {
    throw bad(
      descr.endsWith("O")
        ? "the array holds Python objects, which are not read"
        : `arrays of type ${JSON.stringify(descr)} are not read`,
    );
  }
  const count = elementCount(dims);
  const width = dtypes[dtype].bits / 8;
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(count * width)) {
    throw bad(`the shape (${dims.join(", ")}) is absurd`);
  }
  const data = bytes.subarray(start + length);
  if (data.length !== count * width) {
    throw bad(
      `the shape (${dims.join(", ")}) of ${dtype} needs ${count * width} bytes of data, there are ${data.length}`,
    );
  }
  const swapped = descr.startsWith(">") ? reversed(data, isComplex(dtype) ? width / 2 : width) : data;
  const values = decodeValues(dtype, swapped, count);
  if (dtype === "bool" && (values as Uint8Array).some((value) => value > 1)) {
    throw bad("a bool is neither 0 nor 1");
  }
  return Tensor.of(dtype, dims, fortran ? fromFortran(values, dims, isComplex(dtype) ? 2 : 1) : values);
}

/**
 * A .npy file (format 1.0, little-endian, C order). Types that numpy lacks are written as the next one that holds
 * them: other narrow floats as float32, 2- and 4-bit integers as 8-bit ones. Strings are a ModelError.
 */
export function writeNpy(tensor: Tensor): Uint8Array {
  const { code, bytes } = payload(tensor);
  const shape = tensor.dims.length === 1 ? `(${tensor.dims[0]},)` : `(${tensor.dims.join(", ")})`;
  const dict = `{'descr': '${code}', 'fortran_order': False, 'shape': ${shape}, }`;
  const header = dict.padEnd(Math.ceil((10 + dict.length + 1) / 64) * 64 - 11) + "\n";
  const result = new Uint8Array(10 + header.length + bytes.length);
  result.set(magic);
  result.set([1, 0, header.length & 0xff, header.length >> 8], 6);
  result.set(new TextEncoder().encode(header), 10);
  result.set(bytes, 10 + header.length);
  return result;
}

function payload(tensor: Tensor): { code: string; bytes: Uint8Array } {
  const { dtype } = tensor;
  if (dtype === "string") throw new ModelError("E_NPY", "strings cannot be written as .npy");
  const known = [...dtypeOfDescr].find(([, name]) => name === dtype)?.[0];
  if (known !== undefined) {
    return { code: (dtypes[dtype].bits === 8 ? "|" : "<") + known, bytes: tensor.bytes() };
  }
  const values = tensor.data as Exclude<Values, string[]>;
  const data =
    isNarrowFloat(dtype) && !(values instanceof Float32Array) ? Float32Array.from(tensor.numbers) : values;
  return {
    code: isNarrowFloat(dtype) ? "<f4" : data instanceof Int8Array ? "|i1" : "|u1",
    bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly dims: number[];
}

/** Reads the header's Python dict: three known keys in any order and nothing else. */
function parseHeader(text: string, bad: (what: string) => ModelError): Header {
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (body === undefined) throw bad("the .npy header is not a dict");
  let descr: string | undefined;
  let fortran: boolean | undefined;
  let dims: number[] | undefined;
  const item =
    /\s*(?:'(\w+)'|"(\w+)")\s*:\s*(?:'([^'\\]*)'|"([^"\\]*)"|(True|False)|\(([\d\sL,+-]*)\)|(\[))\s*(?:,|$)/sy;
  while (item.lastIndex < body.trimEnd().length) {
    const found = item.exec(body);
    if (!found) throw bad("the .npy header is damaged");
    const key = found[1] ?? found[2];
    const string = found[3] ?? found[4];
    if (key === "descr" && found[7] !== undefined) throw bad("structured arrays are not read");
    if (key === "descr" && string !== undefined && descr === undefined) descr = string;
    else if (key === "fortran_order" && found[5] !== undefined && fortran === undefined)
      fortran = found[5] === "True";
    else if (key === "shape" && found[6] !== undefined && !dims) dims = parseShape(found[6], bad);
    else throw bad("the .npy header is damaged");
  }
  if (descr === undefined || fortran === undefined || !dims) {
    if (/'descr'\s*:\s*\[/.test(body)) throw bad("structured arrays are not read");
    throw bad("the .npy header lacks descr, fortran_order or shape");
  }
  if (!/^[<>|=]/.test(descr)) throw bad(`arrays of type ${JSON.stringify(descr)} are not read`);
  return { descr, fortran, dims };
}

function parseShape(text: string, bad: (what: string) => ModelError): number[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop();
  if (parts.length > maxRank) throw bad(`the array has ${parts.length} axes`);
  return parts.map((part) => {
    const dim = /^\d+L?$/.test(part) ? Number.parseInt(part, 10) : NaN;
    if (!Number.isSafeInteger(dim)) throw bad(`${JSON.stringify(part)} is no size of an axis`);
    return dim;
  });
}

function reversed(data: Uint8Array, width: number): Uint8Array {
  const result = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += width) {
    for (let i = 0; i < width; i++) result[at + i] = data[at + width - 1 - i]!;
  }
  return result;
}

/** Values in Fortran order → C order; `parts` values make one element. */
function fromFortran(values: Values, dims: readonly number[], parts: number): Values {
  if (Array.isArray(values) || dims.length < 2) return values;
  const result = values.slice();
  const index = new Array<number>(dims.length).fill(0);
  const strides: number[] = [];
  dims.reduce((stride, dim) => (strides.push(stride), stride * dim), 1);
  const count = values.length / parts;
  for (let to = 0, from = 0; to < count; to++) {
    for (let p = 0; p < parts; p++) assign(result, to * parts + p, values, from * parts + p);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis] = index[axis]! + 1;
      from += strides[axis]!;
      if (index[axis]! < dims[axis]!) break;
      from -= strides[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

function assign(to: Exclude<Values, string[]>, i: number, from: Exclude<Values, string[]>, j: number): void {
  if (isBigArray(to)) to[i] = (from as BigInt64Array)[j]!;
  else to[i] = (from as Float64Array)[j]!;
}

function isBigArray(values: Values): values is BigInt64Array | BigUint64Array {
  return values instanceof BigInt64Array || values instanceof BigUint64Array;
}
