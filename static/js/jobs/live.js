// @ts-check
// News of a run as they happen. The numbers of the events are the database's, so whatever breaks in
// between (the network, the site, the page), the stream goes on after the last one that was seen.

const LONGEST_WAIT_MS = 15_000;

export class Live {
  #seen;
  #wait = 1000;
  #over = false;
  /** @type {EventSource | null} */
  #source = null;

  /**
   * @param {string} address
   * @param {number} after the number of the last event that is known already
   * @param {{event: (event: {seq: number, kind: string, payload: any}) => void,
   *   state: (state: "live" | "away" | "ended") => void, isFinal: () => boolean}} hear
   */
  constructor(address, after, hear) {
    this.address = address;
    this.#seen = after;
    this.hear = hear;
  }

  /** Listen until the run has ended. */
  start() {
    const address = new URL(this.address, location.href);
    address.searchParams.set("after", String(this.#seen));
    const source = new EventSource(address);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#wait = 1000;
      this.hear.state("live");
    });
    source.addEventListener("message", (message) => this.#take(message));
    source.addEventListener("error", () => this.#broken(source));
  }

  /** A page nobody looks at holds no connection; browsers have few of them for one site. */
  pauseWhileHidden() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        this.#source?.close();
        this.#source = null;
      } else if (this.#source === null && !this.#over && !this.hear.isFinal()) {
        this.start();
      }
    });
  }

  /** @param {MessageEvent} message */
  #take(message) {
    const event = JSON.parse(message.data);
    if (event.seq <= this.#seen) return;
    this.#seen = event.seq;
    if (event.kind === "JobEnded") this.#over = true;
    this.hear.event(event);
  }

  /** @param {EventSource} source */
  #broken(source) {
    source.close();
    if (this.#source !== source) return;
    this.#source = null;
    if (this.#over || this.hear.isFinal()) {
      this.hear.state("ended");
      return;
    }
    this.hear.state("away");
    setTimeout(() => {
      if (!document.hidden && this.#source === null) this.start();
    }, this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }
}

/**
 * Fetch the page again and put its live parts in place of ours; what a reader opened stays open.
 * @returns {Promise<boolean>} whether the page could be fetched
 */
export async function refreshParts() {
  const address = new URL(location.href);
  address.searchParams.set("parts", "1");
  const response = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!response?.ok) return false;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) replacePart(part, fresh.getElementById(part.id));
  return true;
}

/** @param {Element} part @param {Element | null} fresh */
function replacePart(part, fresh) {
  if (!fresh || fresh.outerHTML === part.outerHTML || isTypedIn(part)) return;
  const open = [...part.querySelectorAll("details[open][id]")].map((details) => details.id);
  const focused = part.contains(document.activeElement) ? document.activeElement?.id : "";
  part.replaceWith(fresh);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus();
  document.dispatchEvent(new CustomEvent("parts:fresh", { detail: fresh }));
}

/** Whether somebody is filling in a form there. @param {Element} part */
function isTypedIn(part) {
  const field = document.activeElement;
  return part.contains(field) && field !== null && /^(INPUT|TEXTAREA|SELECT)$/.test(field.tagName);
}
