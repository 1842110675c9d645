// @ts-check
// Offers tags that begin with the last word of the field, through a list the browser shows.

const PAUSE_MS = 200;

/** @param {Document} page */
export function offerTags(page) {
  for (const field of page.querySelectorAll("input[data-tags]")) {
    if (field instanceof HTMLInputElement) offer(page, field);
  }
}

/** @param {Document} page @param {HTMLInputElement} field */
function offer(page, field) {
  const list = page.createElement("datalist");
  list.id = field.getAttribute("list") ?? "tag-list";
  field.after(list);
  let timer = 0;
  field.addEventListener("input", (event) => {
    if (event instanceof InputEvent && event.isComposing) return;
    window.clearTimeout(timer);
    timer = window.setTimeout(fill, PAUSE_MS);
  });

  const fill = async () => {
    const parts = field.value.split(/[\s,，]+/);
    const last = parts.at(-1) ?? "";
    const before = parts.slice(0, -1).join(" ");
    if (!last) return;
    const answer = await fetch(`${field.dataset.tags}?starts=${encodeURIComponent(last)}`);
    if (!answer.ok) return;
    const found = await answer.json();
    list.replaceChildren(
      ...found.items.map((/** @type {{name: string}} */ tag) => {
        const option = page.createElement("option");
        option.value = before ? `${before} ${tag.name}` : tag.name;
        return option;
      }),
    );
  };
}
