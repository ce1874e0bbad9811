import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UnsupportedError } from "../ir/index.js";

/** One run of one kernel as the runtime's profiler saw it. */
export interface KernelTime {
  /** What the runtime calls the node after its optimizations, e.g. the value it makes with `_nchwc` behind it. */
  readonly name: string;
  readonly op: string;
  /** Place in the runtime's own graph: one kernel has one. */
  readonly index: number;
  readonly ms: number;
}

/** A temporary folder that a session's profile goes to. */
export interface ProfileFolder {
  readonly prefix: string;
  /** The kernels' times of a profile that was ended, in the order in which they ran. */
  read(): Promise<readonly KernelTime[]>;
  dispose(): Promise<void>;
}

/** Makes the folder; an operating-system error when it can't be made. */
export async function profileFolder(): Promise<ProfileFolder> {
  const folder = await mkdtemp(join(tmpdir(), "convopt-profile-"));
  return {
    prefix: join(folder, "kernels"),
    async read() {
      const [file] = await readdir(folder);
      if (file === undefined)
        throw new UnsupportedError("E_PROFILE", "ONNX Runtime wrote no profile of its kernels");
      return kernelTimes(await readFile(join(folder, file), "utf8"));
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

const suffix = "_kernel_time";

/** The kernel events of a trace in Chrome's format, as ONNX Runtime writes it. */
export function kernelTimes(trace: string): KernelTime[] {
  const events: unknown = JSON.parse(trace);
  if (!Array.isArray(events)) return [];
  return events.flatMap((event: unknown): KernelTime[] => {
    if (!isRecord(event) || event["cat"] !== "Node") return [];
    const { name, dur, args } = event;
    if (typeof name !== "string" || typeof dur !== "number" || !isRecord(args)) return [];
    if (!name.endsWith(suffix)) return [];
    const op = typeof args["op_name"] === "string" ? args["op_name"] : "?";
    return [
      { name: name.slice(0, -suffix.length), op, index: Number(args["node_index"] ?? -1), ms: dur / 1000 },
    ];
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
