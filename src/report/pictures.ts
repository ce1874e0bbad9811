import type { Picture } from "./details.js";
import { forHtml } from "./escape.js";
import { paragraph } from "./html-page.js";

export const pictureStyle = `
.pictures { display: flex; flex-wrap: wrap; gap: .75rem 1rem; margin: 0 0 1.25rem; break-inside: avoid; }
.pictures figure { margin: 0; } .pictures img { display: block; max-width: 100%; image-rendering: pixelated;
  border: 1px solid var(--line); } .pictures figcaption { font-size: 13px; }
`.trim();

/** Judged images side by side: input, both outputs, the difference. */
export function pictureRows(pictures: readonly Picture[]): string {
  const [first] = pictures;
  if (!first) return "";
  const rows = pictures.map((picture) => {
    const { image, width, height, amplified, psnrDb } = picture;
    const scale = Math.max(1, Math.floor(160 / Math.max(width, height)));
    const cell = (source: string, caption: string): string =>
      `<figure><img src="${forHtml(source)}" width="${width * scale}" height="${height * scale}" alt="${forHtml(`image ${image}: ${caption}`)}"><figcaption>${forHtml(caption)}</figcaption></figure>`;
    const psnr = psnrDb === null ? "identical" : `${psnrDb.toFixed(1)} dB`;
    return [
      '<div class="pictures">',
      cell(picture.input, `input ${image}`),
      cell(picture.before, "original's output"),
      cell(picture.after, "result's output"),
      cell(picture.difference, `difference × ${amplified} (${psnr})`),
      "</div>",
    ].join("\n");
  });
  return [
    paragraph(
      `${first.mapping} The difference is grey where the outputs are equal and amplified as its caption says.`,
    ),
    ...rows,
  ].join("\n");
}
