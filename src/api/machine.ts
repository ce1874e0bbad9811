/** The machine that something was measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
}

/** This machine, as the operating system names it. */
export async function thisMachine(): Promise<Machine> {
  const { cpus, availableParallelism, arch, platform } = await import("node:os");
  const model = cpus()[0]?.model.replace(/\s+/g, " ").trim();
  return {
    cpu: model === undefined || model === "" ? "unknown" : model,
    cores: availableParallelism(),
    platform: `${platform()}-${arch()}`,
  };
}
