// Looks at report pages as readers do: node tools/report-shots.mjs FOLDER PAGE.html…
// Every page is opened in headless Chromium (CHROMIUM, /usr/bin/chromium by default) in light, dark, print and 400 pixels
// wide. Writes a screenshot each; fails for a console message, a request, a dialog, a page wider than the window, text cut
// by its drawing, overlapping text in one drawing, or an empty plot. Needs the package playwright-core.
/* global document */
import { mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...pages] = process.argv.slice(2);
if (folder === undefined || pages.length === 0) {
  console.error("usage: node tools/report-shots.mjs FOLDER PAGE.html…");
  process.exit(2);
}
const { chromium } = await import(process.env.PLAYWRIGHT_CORE ?? "playwright-core");
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
});
const views = {
  light: { width: 1280, colorScheme: "light", media: "screen" },
  dark: { width: 1280, colorScheme: "dark", media: "screen" },
  print: { width: 794, colorScheme: "light", media: "print" },
  narrow: { width: 400, colorScheme: "light", media: "screen" },
};

let failed = 0;
for (const path of pages) {
  for (const [name, { width, colorScheme, media }] of Object.entries(views)) {
    const problems = [];
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on("console", (message) => problems.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => {
      problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    const own = pathToFileURL(resolve(path)).href;
    page.on("request", (request) => {
      if (request.url() !== own && !request.url().startsWith("data:"))
        problems.push(`request: ${request.url()}`);
    });
    await page.emulateMedia({ media, colorScheme });
    await page.goto(own);
    problems.push(...(await page.evaluate(look)));
    const shot = join(folder, `${basename(path, ".html")}-${name}.png`);
    await page.screenshot({ path: shot, fullPage: true });
    await page.close();
    failed += problems.length;
    console.log(`${shot}: ${problems.length === 0 ? "fine" : problems.join("; ")}`);
  }
}
await browser.close();
process.exit(failed === 0 ? 0 : 1);

/** Runs in the page, with everything unfolded. */
function look() {
  const found = [];
  const closed = [...document.querySelectorAll("details:not([open])")];
  for (const details of closed) details.open = true;
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} wide`);
  const visible = ({ width, height }) => width > 0 && height > 0;
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    if (svg.querySelectorAll("rect, circle, path, polyline").length === 0) found.push("an empty plot");
    const texts = [...svg.querySelectorAll("text")]
      .map((element) => ({ text: element.textContent, box: element.getBoundingClientRect() }))
      .filter(({ box }) => visible(box));
    for (const { text, box } of texts) {
      const cut =
        box.left < frame.left - 1 ||
        box.right > frame.right + 1 ||
        box.top < frame.top - 2 ||
        box.bottom > frame.bottom + 2;
      if (cut) found.push(`cut: ${text}`);
    }
    // Single letters are marks, which may lie on each other as their points do.
    const long = texts.filter(({ text }) => text.length > 1);
    for (const [i, one] of long.entries()) {
      for (const other of long.slice(i + 1, i + 60)) {
        const [p, q] = [one.box, other.box];
        const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (across > 2 && down > 5) found.push(`overlap: ${one.text} and ${other.text}`);
      }
    }
  }
  for (const details of closed) details.open = false;
  return found.slice(0, 10);
}
