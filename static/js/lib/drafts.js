// @ts-check
// What somebody types is kept on the server a moment after the last key, with a version, so that
// two windows never overwrite each other silently.

const PAUSE_MS = 2000;

/** @param {ParentNode} root */
export function keepDrafts(root) {
  for (const box of root.querySelectorAll("[data-draft]")) {
    if (box instanceof HTMLElement && box.closest("form")) keep(box);
  }
}

/** @param {HTMLElement} box */
function keep(box) {
  const form = /** @type {HTMLFormElement} */ (box.closest("form"));
  const said = box.querySelector(".draft-state");
  const version = /** @type {HTMLInputElement | null} */ (form.elements.namedItem("version"));
  let timer = 0;
  let saved = written(form);
  let busy = false;
  let stopped = false;

  const save = async () => {
    const now = written(form);
    if (busy || stopped || now === saved || !version) return;
    busy = true;
    try {
      const answer = await fetch(`/api/v1/drafts/${encodeURIComponent(box.dataset.draft ?? "")}`, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...JSON.parse(now), version: Number(version.value) }),
      });
      const found = await answer.json();
      if (answer.ok) {
        saved = now;
        version.value = String(found.version);
        say(box.dataset.kept ?? "");
      } else {
        stopped = answer.status === 409;
        say(found.error ?? box.dataset.lost ?? "");
      }
    } catch {
      say(box.dataset.lost ?? "");
    } finally {
      busy = false;
    }
    if (written(form) !== saved && !stopped) later();
  };
  const later = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(save, PAUSE_MS);
  };
  /** @param {string} words */
  const say = (words) => {
    if (said) said.textContent = words;
  };
  form.addEventListener("input", later);
  form.addEventListener("submit", () => {
    stopped = true;
    window.clearTimeout(timer);
  });
}

/** @param {HTMLFormElement} form */
function written(form) {
  const values = new FormData(form);
  const text = (/** @type {string} */ name) => String(values.get(name) ?? "");
  return JSON.stringify({ title: text("title"), body: text("body"), tags: text("tags") });
}
