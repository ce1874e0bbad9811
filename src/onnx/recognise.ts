/** What a file looks like by its first bytes, when it is no ONNX model; null when nothing is recognised. */
export function recognise(bytes: Uint8Array): string | null {
  for (const { at, magic, name } of signatures) {
    if (magic.every((byte, index) => bytes[at + index] === byte)) return name;
  }
  if (bytes.length >= 9 && bytes[8] === 0x7b && bytes[6] === 0 && bytes[7] === 0) return "a safetensors file";
  const head = bytes.subarray(0, 512);
  if (head.length > 0 && head.every(isText)) return describeText(new TextDecoder().decode(head));
  return null;
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

const signatures: readonly { at: number; magic: readonly number[]; name: string }[] = [
  { at: 0, magic: [0x89, ...ascii("PNG")], name: "a PNG image" },
  { at: 0, magic: [0xff, 0xd8, 0xff], name: "a JPEG image" },
  { at: 0, magic: ascii("GIF8"), name: "a GIF image" },
  { at: 0, magic: [0x50, 0x4b, 3, 4], name: "a ZIP archive (a PyTorch checkpoint, .npz or .keras file?)" },
  { at: 0, magic: [0x1f, 0x8b], name: "a gzip archive" },
  { at: 0, magic: [0x28, 0xb5, 0x2f, 0xfd], name: "a Zstandard archive" },
  { at: 0, magic: [0xfd, ...ascii("7zXZ")], name: "an xz archive" },
  { at: 0, magic: [0x89, ...ascii("HDF")], name: "an HDF5 file (Keras?)" },
  { at: 0, magic: [0x93, ...ascii("NUMPY")], name: "a NumPy array (.npy)" },
  { at: 0, magic: [0x7f, ...ascii("ELF")], name: "an executable or library (ELF)" },
  { at: 0, magic: ascii("%PDF"), name: "a PDF document" },
  { at: 0, magic: ascii("GGUF"), name: "a GGUF file" },
  { at: 4, magic: ascii("TFL3"), name: "a TensorFlow Lite model" },
  { at: 4, magic: ascii("ORTM"), name: "a model in ONNX Runtime's own format (.ort)" },
  { at: 0, magic: [0x80, 2, 0x8a], name: "a Python pickle (a PyTorch checkpoint?)" },
  { at: 0, magic: [0x80, 2], name: "a Python pickle" },
  { at: 0, magic: [0x80, 4], name: "a Python pickle" },
];

function isText(byte: number): boolean {
  return (byte >= 0x20 && byte !== 0x7f) || byte === 9 || byte === 10 || byte === 13;
}

function describeText(text: string): string {
  if (text.startsWith("version https://git-lfs"))
    return "a Git LFS pointer; fetch the real file with `git lfs pull`";
  if (/^\s*<(!doctype|html)/i.test(text)) return "an HTML page (a failed download?)";
  if (/^\s*[{[]/.test(text)) return "JSON text";
  if (/^\s*<\?xml/i.test(text)) return "XML text";
  return "text";
}
