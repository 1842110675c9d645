// @ts-check
// The page of a sweep: its parts are fetched again while it lives, and ranges picked on the axes
// (by dragging, or with the arrow keys) tell which combinations lie in them.
import { refreshParts } from "./jobs/live.js";

const EVERY_MS = 3000;
const STEP = 0.02;
const BIG_STEP = 0.1;
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {{low: number, high: number}} Range parts of an axis, from 0 (bottom) to 1 (top) */

class Brush {
  constructor() {
    /** @type {Map<number, Range>} */
    this.ranges = new Map();
    this.words = JSON.parse(document.getElementById("sweep-words")?.textContent ?? "{}");
    this.said = document.getElementById("brush-said");
    this.hint = this.said?.textContent ?? "";
    this.clear = document.getElementById("brush-clear");
    this.clear?.addEventListener("click", () => {
      this.ranges.clear();
      this.#show();
    });
  }

  /** Give the axes of a fresh picture their handles; the ranges stay. */
  attach() {
    const svg = document.querySelector(".parallel");
    if (!(svg instanceof SVGSVGElement) || svg.querySelector(".handle")) return;
    this.svg = svg;
    this.top = Number(svg.dataset.top);
    this.bottom = Number(svg.dataset.bottom);
    for (const axis of svg.querySelectorAll(".axis")) if (axis instanceof SVGElement) this.#equip(axis);
    this.#show();
  }

  /** @param {SVGElement} axis */
  #equip(axis) {
    const number = Number(axis.dataset.axis);
    const x = Number(axis.dataset.x);
    const grab = shape(axis, "rect", { class: "grab", x: x - 14, y: this.top, width: 28, height: this.bottom - this.top });
    shape(axis, "rect", { class: "range", x: x - 5, width: 10, y: this.top, height: 0 });
    grab.addEventListener("pointerdown", (event) => this.#drag(event, number, null));
    for (const end of /** @type {const} */ (["low", "high"])) {
      const handle = shape(axis, "rect", {
        class: "handle",
        "data-end": end,
        x: x - 9,
        width: 18,
        height: 8,
        rx: 3,
        tabindex: 0,
        role: "slider",
        "aria-orientation": "vertical",
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-label": String(this.words[end]).replace("%(axis)s", axis.dataset.title ?? ""),
      });
      handle.addEventListener("pointerdown", (event) => this.#drag(event, number, end));
      handle.addEventListener("keydown", (event) => this.#key(event, number, end));
    }
  }

  /**
   * @param {PointerEvent} event
   * @param {number} axis
   * @param {"low" | "high" | null} end null begins a new range
   */
  #drag(event, axis, end) {
    event.preventDefault();
    const target = /** @type {Element} */ (event.currentTarget);
    target.setPointerCapture(event.pointerId);
    const from = this.#part(event);
    const move = (/** @type {PointerEvent} */ moved) => {
      const at = this.#part(moved);
      if (end) this.#set(axis, end, at);
      else this.ranges.set(axis, { low: Math.min(from, at), high: Math.max(from, at) });
      this.#show();
    };
    const stop = () => {
      target.removeEventListener("pointermove", /** @type {EventListener} */ (move));
      const range = this.ranges.get(axis);
      // A click without a way to drag shows the whole axis again.
      if (range && range.high - range.low < 0.01) this.ranges.delete(axis);
      this.#show();
    };
    target.addEventListener("pointermove", /** @type {EventListener} */ (move));
    target.addEventListener("pointerup", stop, { once: true });
    target.addEventListener("pointercancel", stop, { once: true });
  }

  /** @param {PointerEvent} event */
  #part(event) {
    const box = /** @type {SVGSVGElement} */ (this.svg).getBoundingClientRect();
    const y = ((event.clientY - box.top) / box.height) * /** @type {SVGSVGElement} */ (this.svg).viewBox.baseVal.height;
    return clamp((this.bottom - y) / (this.bottom - this.top));
  }

  /** @param {KeyboardEvent} event @param {number} axis @param {"low" | "high"} end */
  #key(event, axis, end) {
    const by = { ArrowUp: STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowLeft: -STEP, PageUp: BIG_STEP, PageDown: -BIG_STEP }[event.key];
    const to = { Home: 0, End: 1 }[event.key];
    if (event.key === "Escape") this.ranges.delete(axis);
    else if (by !== undefined) this.#set(axis, end, this.#range(axis)[end] + by);
    else if (to !== undefined) this.#set(axis, end, to);
    else return;
    event.preventDefault();
    this.#show();
  }

  /** @param {number} axis @returns {Range} */
  #range(axis) {
    return this.ranges.get(axis) ?? { low: 0, high: 1 };
  }

  /** @param {number} axis @param {"low" | "high"} end @param {number} value */
  #set(axis, end, value) {
    const range = { ...this.#range(axis) };
    range[end] = clamp(value);
    if (end === "low") range.low = Math.min(range.low, range.high);
    else range.high = Math.max(range.low, range.high);
    if (range.low <= 0 && range.high >= 1) this.ranges.delete(axis);
    else this.ranges.set(axis, range);
  }

  #show() {
    const inside = new Set();
    const lines = [...document.querySelectorAll(".parallel .line")];
    for (const line of lines) {
      if (!(line instanceof SVGElement)) continue;
      const at = (line.dataset.at ?? "").split(" ").map(Number);
      const isIn = [...this.ranges].every(([axis, range]) => at[axis] >= range.low - 1e-6 && at[axis] <= range.high + 1e-6);
      line.classList.toggle("is-out", !isIn);
      if (isIn) inside.add(line.dataset.point);
    }
    for (const row of document.querySelectorAll("tr[data-point]"))
      if (row instanceof HTMLElement) row.classList.toggle("is-out", this.ranges.size > 0 && !inside.has(row.dataset.point));
    for (const axis of document.querySelectorAll(".parallel .axis")) if (axis instanceof SVGElement) this.#draw(axis);
    this.clear?.toggleAttribute("hidden", this.ranges.size === 0);
    if (this.said)
      this.said.textContent = this.ranges.size
        ? String(this.words.shown).replace("%(n)d", String(inside.size)).replace("%(all)d", String(lines.length))
        : this.hint;
  }

  /** @param {SVGElement} axis */
  #draw(axis) {
    const number = Number(axis.dataset.axis);
    const range = this.#range(number);
    const y = (/** @type {number} */ part) => this.bottom - part * (this.bottom - this.top);
    const bar = axis.querySelector(".range");
    bar?.setAttribute("y", String(y(range.high)));
    bar?.setAttribute("height", this.ranges.has(number) ? String(y(range.low) - y(range.high)) : "0");
    for (const handle of axis.querySelectorAll(".handle")) {
      const end = /** @type {"low" | "high"} */ (handle.getAttribute("data-end"));
      handle.setAttribute("y", String(end === "low" ? y(range.low) : y(range.high) - 8));
      handle.setAttribute("aria-valuenow", String(Math.round(range[end] * 100)));
    }
  }
}

/** @param {SVGElement} parent @param {string} name @param {Record<string, string | number>} values */
function shape(parent, name, values) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, String(value));
  parent.append(made);
  return /** @type {SVGElement} */ (made);
}

/** @param {number} part */
function clamp(part) {
  return Math.min(1, Math.max(0, part));
}

const isFinal = () => document.getElementById("sweep-head")?.dataset.final === "true";
/** Whether a handle is held: a picture must not change under a finger. */
const isHeld = () => document.activeElement?.classList.contains("handle") ?? false;

const brush = new Brush();
brush.attach();
const timer = setInterval(async () => {
  if (isFinal()) clearInterval(timer);
  else if (!document.hidden && !isHeld()) {
    await refreshParts();
    brush.attach();
  }
}, EVERY_MS);
