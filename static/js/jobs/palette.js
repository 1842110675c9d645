// @ts-check
// The page's colours for a canvas, which knows no custom properties.

const NAMES = /** @type {const} */ ([
  "ground", "surface", "raised", "ink", "ink-2", "ink-3", "line", "note", "run", "done", "warn", "fail",
]);

/** @typedef {Record<typeof NAMES[number], string>} Palette */

/** The colours as the current theme has them. @returns {Palette} */
export function palette() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const colours = Object.fromEntries(
    NAMES.map((name) => {
      probe.className = `swatch-${name}`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return /** @type {Palette} */ (colours);
}

/**
 * Call `redraw` whenever the theme changes, by the switch or by the system.
 * @param {() => void} redraw
 */
export function onThemeChange(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, {
    attributeFilter: ["data-bs-theme"],
  });
}
