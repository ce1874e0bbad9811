import { createRequire } from "node:module";
import type * as Ort from "onnxruntime-node";

/** The part of onnxruntime-node that is used here. */
export type OrtModule = Pick<typeof Ort, "InferenceSession" | "Tensor" | "env">;

export interface LoadedOrt {
  readonly ort: OrtModule;
  readonly version: string;
}

let loading: Promise<LoadedOrt | { readonly reason: string }> | null = null;

/** ONNX Runtime, loaded on first use; the reason when it isn't installed or can't be loaded on this platform. */
export function loadOrt(): Promise<LoadedOrt | { readonly reason: string }> {
  loading ??= load();
  return loading;
}

async function load(): Promise<LoadedOrt | { readonly reason: string }> {
  try {
    // From 1.30 on the native library notes what it runs in the user's cache folder and sends it away, unless told not to.
    process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
    const ort: OrtModule = await import("onnxruntime-node");
    // Before the first session: the logger that this sets up would else write to stderr.
    ort.env.logLevel = "fatal";
    return { ort, version: versionOf() };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const missing = /Cannot find (package|module) '?onnxruntime-node/.test(text);
    return {
      reason: missing
        ? "onnxruntime-node is not installed"
        : `onnxruntime-node can't be loaded: ${text.split("\n")[0]!}`,
    };
  }
}

function versionOf(): string {
  const manifest: unknown = createRequire(import.meta.url)("onnxruntime-node/package.json");
  const version = typeof manifest === "object" && manifest && "version" in manifest ? manifest.version : null;
  return typeof version === "string" ? version : "unknown";
}

/** Version of ONNX Runtime, null when it can't be used. */
export async function ortAvailable(): Promise<string | null> {
  const loaded = await loadOrt();
  return "ort" in loaded ? loaded.version : null;
}

/** Where a child process finds the package; null when it isn't installed. */
export function ortEntry(): string | null {
  try {
    return createRequire(import.meta.url).resolve("onnxruntime-node");
  } catch {
    return null;
  }
}
