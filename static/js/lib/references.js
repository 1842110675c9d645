// @ts-check
// References in posts (#job-12, #owner/name) become cards with what the reader may know of them;
// a run that has not ended is asked for again until it has.

const AGAIN_MS = 2500;

/** @param {ParentNode} root */
export function startReferences(root) {
  const links = [...root.querySelectorAll("a.reference")].filter((link) => link instanceof HTMLAnchorElement);
  if (links.length) void fill(links);
}

/** @param {Element[]} links */
async function fill(links) {
  const names = new Set(links.map(nameOf));
  const query = new URLSearchParams([...names].slice(0, 20).map((name) => ["on", name]));
  const answer = await fetch(`/api/v1/references?${query}`).catch(() => null);
  if (!answer?.ok) return;
  const cards = new Map((await answer.json()).map((/** @type {{on: string}} */ card) => [card.on, card]));
  const live = [];
  for (const link of links) {
    const card = cards.get(nameOf(link));
    if (!card) continue;
    draw(link, card);
    if (card.live) live.push(link);
  }
  if (live.length) setTimeout(() => fill(live), AGAIN_MS);
}

/** @param {Element} link */
function nameOf(link) {
  if (link instanceof HTMLElement && link.dataset.name) return link.dataset.name;
  const name = (link.textContent ?? "").replace(/^#/, "");
  if (link instanceof HTMLElement) link.dataset.name = name;
  return name;
}

/** @param {Element} link @param {{on: string, title: string, tone: string, label: string}} card */
function draw(link, card) {
  link.classList.add("reference-card");
  const title = document.createElement("span");
  title.textContent = card.title;
  link.replaceChildren(title);
  if (!card.label) return;
  const chip = document.createElement("span");
  chip.className = card.tone ? `chip chip-${card.tone}` : "chip";
  chip.textContent = card.label;
  link.append(" ", chip);
}
