// @ts-check
// A curve as a file: its numbers as CSV, its picture as PNG.
import { palette } from "./palette.js";

/**
 * @param {string[]} heading
 * @param {ArrayLike<number | null | undefined>[]} columns
 * @param {string} name
 */
export function saveCsv(heading, columns, name) {
  const lines = [heading.map(quoted).join(",")];
  for (let row = 0; row < columns[0].length; row += 1) {
    lines.push(columns.map((column) => column[row] ?? "").join(","));
  }
  save(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }), `${name}.csv`);
}

/** @param {string} cell */
function quoted(cell) {
  return /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} name
 */
export function savePng(canvas, name) {
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  const ctx = copy.getContext("2d");
  if (!ctx) return;
  ctx.fillStyle = palette().surface;
  ctx.fillRect(0, 0, copy.width, copy.height);
  ctx.drawImage(canvas, 0, 0);
  copy.toBlob((blob) => blob && save(blob, `${name}.png`));
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
