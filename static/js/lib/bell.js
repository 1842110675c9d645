// @ts-check
// The number of unread notifications in the header, told by one stream while the page is on screen.

const KEPT = "tuningfork:unread";
const LONGEST_WAIT_MS = 60_000;
const MOST = 99;

/** @param {Document} page */
export function startBell(page) {
  const bell = page.querySelector("[data-bell]");
  if (!(bell instanceof HTMLElement) || !("EventSource" in window)) {
    sessionStorage.removeItem(KEPT);
    return;
  }
  new Bell(bell).start();
}

class Bell {
  #wait = 2000;
  /** @type {EventSource | null} */
  #source = null;
  /** @type {number | undefined} */
  #again;

  /** @param {HTMLElement} bell */
  constructor(bell) {
    this.bell = bell;
    // What the last page knew, until the stream says more: the number does not blink.
    this.#show(Number(sessionStorage.getItem(KEPT) ?? 0), false);
  }

  start() {
    if (!document.hidden) this.#listen();
    // A page nobody looks at holds no connection; browsers have few of them for one site.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#stop() : this.#listen()));
    window.addEventListener("pagehide", () => this.#stop());
    window.addEventListener("pageshow", (event) => event.persisted && this.#listen());
  }

  #listen() {
    this.#stop();
    const source = new EventSource("/events");
    this.#source = source;
    source.addEventListener("notifications", (message) => {
      this.#wait = 2000;
      this.#show(JSON.parse(message.data).unread, true);
    });
    source.addEventListener("error", () => this.#broken());
  }

  #stop() {
    clearTimeout(this.#again);
    this.#source?.close();
    this.#source = null;
  }

  #broken() {
    this.#stop();
    if (document.hidden) return;
    this.#again = window.setTimeout(() => this.#listen(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  /** @param {number} unread @param {boolean} aloud */
  #show(unread, aloud) {
    sessionStorage.setItem(KEPT, String(unread));
    const count = this.bell.querySelector(".bell-count");
    if (count instanceof HTMLElement) {
      count.hidden = unread === 0;
      count.textContent = unread > MOST ? `${MOST}+` : String(unread);
    }
    const said = this.bell.querySelector("[data-bell-said]");
    const words = unread === 1 ? this.bell.dataset.one : this.bell.dataset.many;
    const sentence = unread ? (words ?? "").replace("{n}", String(unread)) : "";
    if (said && aloud && said.textContent !== sentence) said.textContent = sentence;
  }
}
