import { ModelError, type Tensor } from "../ir/index.js";
import { readNpy, writeNpy } from "./npy.js";
import { readZip, writeZip, type ZipLimits } from "./zip.js";

export function isNpz(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/**
 * The arrays of an .npz archive by name, in the archive's order. Throws ModelError E_ZIP or E_NPY, naming the file
 * and the array.
 */
export function readNpz(bytes: Uint8Array, file?: string, limits?: ZipLimits): Map<string, Tensor> {
  const place = file === undefined ? {} : { file };
  const arrays = new Map<string, Tensor>();
  for (const entry of readZip(bytes, file, limits)) {
    const name = entry.name.endsWith(".npy") ? entry.name.slice(0, -4) : null;
    if (name === null) {
      throw new ModelError(
        "E_NPY",
        `the archive holds ${JSON.stringify(entry.name)}, which is no .npy file`,
        {
          where: place,
        },
      );
    }
    arrays.set(name, readNpy(entry.read(), { ...place, tensor: name }));
  }
  return arrays;
}

/** An .npz archive of the arrays, deflated unless `store` is set; the same bytes for the same arrays. */
export function writeNpz(
  arrays: ReadonlyMap<string, Tensor>,
  o: { readonly store?: boolean } = {},
): Uint8Array {
  return writeZip(
    [...arrays].map(([name, tensor]) => [`${name}.npy`, writeNpy(tensor)] as const),
    o,
  );
}
