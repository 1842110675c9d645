// @ts-check
// Names offered while somebody types: in the search of the header, and after `@` and `#` in what
// people write. Arrows choose, Enter takes, Escape closes; without a choice Enter does as always.

const PAUSE_MS = 120;
const EVERYTHING = "model,dataset,account,question,job,tag";
// What may stand before `@` and `#` is what `app.core.mentions` and `app.core.references` allow.
const PERSON = /(?:^|[^A-Za-z0-9_@/.+=&#-])@([\p{L}\p{N}_][\p{L}\p{N}._-]{0,62})$/u;
const THING = /(?:^|[^\w&/#.])#((?:datasets\/)?[\p{L}\p{N}_.-]{0,96}(?:\/[\w.-]{0,96})?)$/u;
// No token is longer; what stands further before the caret need not be read.
const LONGEST = 220;

/** @typedef {{kind: string, name: string, label: string, address: string}} Item */
/** @typedef {{starts: string, kinds: string, from: number}} Wish */
/** @typedef {HTMLInputElement | HTMLTextAreaElement} Field */
/** @typedef {(field: Field) => Wish | null} Read */
/** @typedef {(field: Field, item: Item, wish: Wish) => void} Take */

/** @param {Document} page */
export function startSuggestions(page) {
  const words = page.getElementById("suggest-words");
  if (!words) return;
  const search = page.querySelector("input[data-search]");
  if (search instanceof HTMLInputElement) new Offers(search, words.dataset, whole, go);
  // Boxes to write in come and go with what is swapped; each is met when it is first entered.
  const known = new WeakSet();
  page.addEventListener("focusin", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLTextAreaElement) || !("suggest" in field.dataset)) return;
    if (known.has(field)) return;
    known.add(field);
    new Offers(field, words.dataset, atCaret, write);
  });
}

/** @type {Read} */
function whole(field) {
  const starts = field.value.trim();
  return starts ? { starts, kinds: EVERYTHING, from: 0 } : null;
}

/** @type {Take} */
function go(_field, item) {
  location.assign(item.address);
}

/** @type {Read} */
function atCaret(field) {
  const caret = field.selectionStart ?? 0;
  if (caret !== field.selectionEnd) return null;
  const before = field.value.slice(Math.max(0, caret - LONGEST), caret);
  const person = PERSON.exec(before)?.[1];
  if (person !== undefined) return { starts: person, kinds: "account", from: caret - person.length - 1 };
  const thing = THING.exec(before)?.[1];
  if (thing === undefined) return null;
  const kinds = thing.startsWith("datasets/") ? "dataset" : "job,question,model,dataset";
  return { starts: thing || "job-", kinds, from: caret - thing.length - 1 };
}

/** @type {Take} */
function write(field, item, wish) {
  const caret = field.selectionStart ?? field.value.length;
  const space = /\s/.test(field.value.charAt(caret)) ? "" : " ";
  const sign = { account: "@", dataset: "#datasets/" }[item.kind] ?? "#";
  field.setRangeText(sign + item.name + space, wish.from, caret, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** @param {string} tag @param {string} name @param {string} [text] */
function element(tag, name, text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

let count = 0;

class Offers {
  #timer = 0;
  /** @type {AbortController | null} */
  #asking = null;
  /** @type {Item[]} */
  #items = [];
  #at = -1;
  // Where the token begins of which somebody wants no names.
  #quiet = -1;

  /** @param {Field} field @param {DOMStringMap} words @param {Read} read @param {Take} take */
  constructor(field, words, read, take) {
    this.field = field;
    this.words = words;
    this.read = read;
    this.take = take;
    this.list = element("ul", "suggest-list");
    this.list.id = `suggest-${(count += 1)}`;
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", words.label ?? "");
    this.status = element("span", "visually-hidden");
    this.status.setAttribute("role", "status");
    const box = element("div", "suggest");
    box.append(this.list, this.status);
    field.after(box);
    this.#describe();
    this.#listen();
  }

  #describe() {
    const { field } = this;
    const means = { autocomplete: "off", "aria-autocomplete": "list", "aria-haspopup": "listbox" };
    for (const [name, value] of Object.entries(means)) field.setAttribute(name, value);
    field.setAttribute("aria-controls", this.list.id);
    if (!(field instanceof HTMLInputElement)) return;
    // Only a field of plain text may be a combobox; a box of many lines may never be one.
    field.type = "text";
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-expanded", "false");
  }

  #listen() {
    this.field.addEventListener("input", (event) => {
      if (!(event instanceof InputEvent && event.isComposing)) this.#look();
    });
    this.field.addEventListener("compositionend", () => this.#look());
    this.field.addEventListener("keydown", (event) => {
      if (event instanceof KeyboardEvent) this.#press(event);
    });
    for (const name of ["blur", "click"]) this.field.addEventListener(name, () => this.#close());
    // A press on a name must not take the caret out of the field.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target instanceof Element && event.target.closest("[role=option]");
      if (option) this.#choose([...this.list.children].indexOf(option));
    });
  }

  #look() {
    window.clearTimeout(this.#timer);
    this.#asking?.abort();
    const wish = this.read(this.field);
    if (!wish) this.#quiet = -1;
    if (!wish || wish.from === this.#quiet) this.#close();
    else this.#timer = window.setTimeout(() => void this.#ask(wish), PAUSE_MS);
  }

  /** @param {Wish} wish */
  async #ask(wish) {
    const asking = new AbortController();
    this.#asking = asking;
    const query = new URLSearchParams({ starts: wish.starts, kinds: wish.kinds });
    try {
      const answer = await fetch(`/api/v1/suggest?${query}`, { signal: asking.signal });
      const items = answer.ok ? (await answer.json()).items : [];
      if (!asking.signal.aborted && document.activeElement === this.field) this.#show(items);
    } catch {
      // Asked for something else meanwhile, or no network: there is just nothing to offer.
      if (this.#asking === asking) this.#close();
    }
  }

  /** @param {Item[]} items */
  #show(items) {
    this.#items = items;
    this.list.replaceChildren(...items.map((item, at) => this.#option(item, at)));
    this.list.hidden = items.length === 0;
    this.list.scrollTop = 0;
    this.#expand(items.length > 0);
    this.#mark(-1);
    const said = items.length === 1 ? this.words.one : this.words.many;
    this.status.textContent = items.length ? (said ?? "").replace("{n}", String(items.length)) : "";
  }

  /** @param {Item} item @param {number} at */
  #option(item, at) {
    const option = element("li", "suggest-option");
    option.id = `${this.list.id}-${at}`;
    option.setAttribute("role", "option");
    option.append(
      element("span", "suggest-name", item.name),
      " ",
      element("span", "suggest-label", item.label),
      " ",
      element("span", "suggest-kind", this.words[item.kind] ?? ""),
    );
    return option;
  }

  /** @param {boolean} open */
  #expand(open) {
    if (this.field instanceof HTMLInputElement) this.field.setAttribute("aria-expanded", String(open));
  }

  #close() {
    window.clearTimeout(this.#timer);
    this.#asking?.abort();
    if (!this.list.hidden) this.#show([]);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    // 229 is what a key says that an input method has taken.
    if (event.isComposing || event.keyCode === 229 || this.list.hidden) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.key === "ArrowDown") this.#step(1);
    else if (event.key === "ArrowUp") this.#step(-1);
    else if (event.key === "Enter" && this.#at >= 0) this.#choose(this.#at);
    else if (event.key === "Escape") this.#refuse();
    else {
      if (/^(ArrowLeft|ArrowRight|Home|End)$/.test(event.key)) this.#close();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #refuse() {
    this.#quiet = this.read(this.field)?.from ?? -1;
    this.#close();
  }

  /** @param {number} by */
  #step(by) {
    const places = this.#items.length + 1; // the field itself is one of them
    this.#mark(((this.#at + 1 + by + places) % places) - 1);
  }

  /** @param {number} at */
  #mark(at) {
    this.#at = at;
    for (const [place, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(place === at));
    }
    const chosen = this.list.children[at];
    if (chosen) this.field.setAttribute("aria-activedescendant", chosen.id);
    else this.field.removeAttribute("aria-activedescendant");
    chosen?.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} at */
  #choose(at) {
    const item = this.#items[at];
    const wish = this.read(this.field);
    this.#close();
    if (!item || !wish) return;
    this.#quiet = wish.from;
    this.take(this.field, item, wish);
  }
}
