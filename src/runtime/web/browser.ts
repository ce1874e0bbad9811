import { createRequire } from "node:module";
import type { Browser, Page, Route } from "playwright-core";
import { UnsupportedError } from "../../ir/index.js";
import { origin, pageHtml, pageScript } from "./page-script.js";

/** A page in a headless browser with ONNX Runtime's WebAssembly build in it. */
export interface WebPage {
  /** As reports name it. */
  readonly engine: string;
  /** Answers requests of the page for this path. */
  serve(path: string, body: Uint8Array): void;
  withdraw(path: string): void;
  /** Calls a function of the page's script. */
  call<T>(name: "open" | "run" | "close", ...args: readonly unknown[]): Promise<T>;
  close(): Promise<void>;
}

/** Where a Chromium usually is. */
const usualPrograms = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/**
 * Opens the page in the browser whose program is named, else in the first Chromium of the usual places. An UnsupportedError
 * `E_ENGINE_MISSING` when the packages or the browser are not there.
 */
export async function openWebPage(program: string | null): Promise<WebPage> {
  const { chromium } = await packageOf("playwright-core", () => import("playwright-core"));
  const require = createRequire(import.meta.url);
  const entry = await packageOf("onnxruntime-web", async () => require.resolve("onnxruntime-web/wasm"));
  const { dirname, join } = await import("node:path");
  const { readFile } = await import("node:fs/promises");
  const folder = dirname(entry);
  const manifest: unknown = JSON.parse(await readFile(join(folder, "..", "package.json"), "utf8"));
  const version =
    typeof manifest === "object" && manifest && "version" in manifest ? String(manifest.version) : "?";
  const executablePath = program ?? (await usualProgram());
  let browser: Browser;
  try {
    browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
    });
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new UnsupportedError("E_ENGINE_MISSING", `the browser doesn't start: ${line!}`, {
      where: { file: executablePath },
    });
  }
  try {
    const page = await browser.newPage();
    const served = new Map<string, Uint8Array>();
    await page.route("**/*", (route) => answer(route, served, (file) => readFile(join(folder, file))));
    await page.goto(`${origin}/`);
    await page.waitForFunction("globalThis.convopt !== undefined");
    return {
      engine: `onnxruntime-web ${version} (WebAssembly, ${browser.browserType().name()} ${browser.version()})`,
      serve: (path, body) => void served.set(path, body),
      withdraw: (path) => void served.delete(path),
      call: (name, ...args) => callIn(page, name, args),
      close: () => browser.close(),
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

/** Files of the runtime, the page itself, and what was served; everything else is refused. */
async function answer(
  route: Route,
  served: ReadonlyMap<string, Uint8Array>,
  runtimeFile: (name: string) => Promise<Buffer>,
): Promise<void> {
  const url = new URL(route.request().url());
  const given = served.get(url.pathname);
  const [, file] = /^\/ort\/([\w.-]+)$/.exec(url.pathname) ?? [];
  const reply = (body: string | Buffer, contentType: string): Promise<void> =>
    route.fulfill({
      body,
      contentType,
      // The page is isolated: only then it has threads and a fine clock.
      headers: {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
      },
    });
  if (url.origin !== origin) await route.abort();
  else if (url.pathname === "/") await reply(pageHtml, "text/html");
  else if (url.pathname === "/page.js") await reply(pageScript, "text/javascript");
  else if (given)
    await reply(Buffer.from(given.buffer, given.byteOffset, given.byteLength), "application/octet-stream");
  else if (file)
    await reply(await runtimeFile(file), file.endsWith(".wasm") ? "application/wasm" : "text/javascript");
  else await route.fulfill({ status: 404 });
}

async function callIn<T>(page: Page, name: string, args: readonly unknown[]): Promise<T> {
  try {
    return await page.evaluate<T>(`globalThis.convopt.${name}(...${JSON.stringify(args)})`);
  } catch (error) {
    const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new Error(
      line.replace(
        /^page\.evaluate: (\w*Error: )?|Can't create a session\. ERROR_CODE: \d+, ERROR_MESSAGE: /g,
        "",
      ),
      {
        cause: error,
      },
    );
  }
}

async function packageOf<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch {
    throw new UnsupportedError("E_ENGINE_MISSING", `${name} is not installed`, {
      hint: "the web engine needs npm install onnxruntime-web playwright-core, and a Chromium on this machine",
    });
  }
}

async function usualProgram(): Promise<string> {
  const { existsSync } = await import("node:fs");
  const found = usualPrograms.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new UnsupportedError("E_ENGINE_MISSING", "there is no Chromium in the usual places", {
    hint: "install one, or name its program in CONVOPT_CHROMIUM",
  });
}
