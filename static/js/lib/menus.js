// @ts-check

/**
 * Menus and facets are <details> and open by themselves; this closes them as people expect.
 * @param {Document} page
 */
export function startMenus(page) {
  page.documentElement.classList.add("js");
  for (const tab of page.querySelectorAll(".tabs [aria-current]")) {
    tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  page.addEventListener("click", (event) => {
    for (const menu of page.querySelectorAll("details.menu[open]")) {
      if (event.target instanceof Node && !menu.contains(event.target)) {
        menu.removeAttribute("open");
      }
    }
  });
  page.addEventListener("keydown", (event) => {
    const menu = page.activeElement?.closest("details.menu[open]");
    if (event.key !== "Escape" || !menu) return;
    menu.removeAttribute("open");
    menu.querySelector("summary")?.focus();
  });
  page.addEventListener("click", (event) => {
    const opener = event.target instanceof Element && event.target.closest("[data-open]");
    if (!(opener instanceof HTMLElement)) return;
    const sheet = page.getElementById(opener.dataset.open ?? "");
    if (sheet instanceof HTMLDialogElement) sheet.showModal();
  });
  page.addEventListener("change", (event) => {
    const field = event.target;
    if (field instanceof HTMLSelectElement && "submits" in field.dataset) field.form?.requestSubmit();
  });
}
