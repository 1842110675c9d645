// @ts-check

/**
 * Copy what a `data-copy` button names: the text of an element (`#id`) or the value itself.
 * One listener serves every button, also those that a swap brings later.
 * @param {Document} page
 */
export function startCopyButtons(page) {
  page.addEventListener("click", async (event) => {
    const button = event.target instanceof Element && event.target.closest("[data-copy]");
    if (!(button instanceof HTMLElement)) return;
    await copy(wanted(page, button.dataset.copy ?? ""));
    button.classList.add("is-copied");
    const said = button.dataset.copied ?? "";
    const label = button.getAttribute("aria-label") ?? "";
    if (said) button.setAttribute("aria-label", said);
    setTimeout(() => {
      button.classList.remove("is-copied");
      if (said) button.setAttribute("aria-label", label);
    }, 1600);
  });
}

/**
 * @param {Document} page
 * @param {string} source
 */
function wanted(page, source) {
  if (!source.startsWith("#")) return source;
  return page.getElementById(source.slice(1))?.textContent?.trimEnd() ?? "";
}

/** @param {string} text */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http on another machine has no clipboard API.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
