// @ts-check

const PAGES = { h: "/", m: "/models", d: "/datasets", r: "/jobs", q: "/questions", t: "/tutorials" };

/**
 * Keys: `/` search, `?` help, `g` and a letter for a page, `j` and `k` in a list.
 * @param {Document} page
 */
export function startKeys(page) {
  let afterG = false;
  page.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (afterG && event.key in PAGES) {
      const address = PAGES[/** @type {keyof typeof PAGES} */ (event.key)];
      if (page.querySelector(`.site-nav a[href="${address}"], .wordmark[href="${address}"]`)) {
        location.assign(address);
      }
    }
    afterG = event.key === "g" && !afterG;
    if (act(page, event.key)) event.preventDefault();
  });
}

/**
 * @param {Document} page
 * @param {string} key
 */
function act(page, key) {
  if (key === "/") return focus(page.querySelector("[data-search]"));
  if (key === "?") return openHelp(page);
  if (key === "j") return step(page, 1);
  if (key === "k") return step(page, -1);
  return false;
}

/** @param {Document} page */
function openHelp(page) {
  const sheet = page.getElementById("keys");
  if (!(sheet instanceof HTMLDialogElement) || sheet.open) return false;
  sheet.showModal();
  return true;
}

/**
 * @param {Document} page
 * @param {number} by
 */
function step(page, by) {
  const links = [...page.querySelectorAll(".entry-name")];
  if (links.length === 0) return false;
  const now = links.indexOf(/** @type {Element} */ (page.activeElement));
  const next = links[Math.min(links.length - 1, Math.max(0, now + by))];
  page.querySelector(".entry.is-current")?.classList.remove("is-current");
  next.closest(".entry")?.classList.add("is-current");
  return focus(next);
}

/** @param {Element | null} element */
function focus(element) {
  if (!(element instanceof HTMLElement)) return false;
  element.focus();
  element.scrollIntoView({ block: "nearest" });
  return true;
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
