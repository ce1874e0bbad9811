import { certify, forJson, writeFileAtomically, type CertifiedRun } from "../index.js";
import type { Session } from "./context.js";
import type { CommonOptions, RuntimeOptions } from "./options.js";

/** Measures what a certificate is about and writes it. */
export async function writeCertificate(
  path: string,
  run: CertifiedRun,
  { engine, threads, seed, allowExternal }: RuntimeOptions & CommonOptions,
  { control }: Session,
): Promise<void> {
  const certificate = await certify(run, {
    ...control,
    engine,
    threads,
    seed,
    ...(allowExternal ? { allowExternal } : {}),
  });
  await writeFileAtomically(path, `${forJson(certificate)}\n`);
}
