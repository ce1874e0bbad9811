import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const programs = [
  ...["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"],
  ...["chrome.exe", "msedge.exe"],
];

/** The browser that the environment names: CONVOPT_CHROMIUM, else the first on the PATH; undefined without one. */
export function browserProgram(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return (
    env["CONVOPT_CHROMIUM"] ??
    folders
      .flatMap((folder) => programs.map((program) => join(folder, program)))
      .find((path) => existsSync(path))
  );
}
