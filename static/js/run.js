// @ts-check
// The run page: curves that move while the run does. The page is complete without this; every part
// that is not a curve is the server's own markup, fetched again when something happened.
import { drawHero, epochAt, heroData, measured, shown } from "./jobs/curves.js";
import { saveCsv, savePng } from "./jobs/export.js";
import { Live, refreshParts } from "./jobs/live.js";
import { drawSmall, smallData } from "./jobs/multiples.js";
import { onThemeChange } from "./jobs/palette.js";
import { Record } from "./jobs/record.js";

const QUIET = new Set(["StepsReported"]);
const REFRESH_AFTER_MS = 250;
const REFRESH_APART_MS = 1200;
const REFRESH_EVERY_MS = 5000;

class RunPage {
  /** @param {any} first what the server knew when it wrote the page */
  constructor(first) {
    this.first = first;
    this.words = first.words;
    this.isShare = first.is_share;
    this.run = new Record(first);
    this.run.addPoints(first.points, 0);
    for (const event of first.events) this.run.apply(event);
    // A run that began afresh forgets its points; those of the page are of the newest attempt.
    this.run.addPoints(first.points, 0);
    this.hero = /** @type {HTMLElement} */ (document.getElementById("curve"));
    /** @type {HTMLElement[]} */
    this.small = [...document.querySelectorAll("[data-small]")].filter((place) => place instanceof HTMLElement);
    this.log = false;
    this.cursor = -1;
    this.refreshed = 0;
  }

  start() {
    this.#drawAll();
    this.#watchSize();
    onThemeChange(() => this.#drawAll());
    document.addEventListener("click", (event) => this.#clicked(event));
    this.hero.addEventListener("keydown", (event) => this.#keyed(event));
    setInterval(() => tick(), 1000);
    if (!isFinal()) this.#listen();
  }

  #listen() {
    const live = new Live(this.first.stream, this.first.seq, {
      event: (event) => this.#heard(event),
      state: (state) => this.#connection(state),
      isFinal,
    });
    live.start();
    live.pauseWhileHidden();
    // Waiting in the queue and being claimed are not events of the run.
    const again = setInterval(() => {
      if (isFinal()) clearInterval(again);
      else if (!document.hidden) this.#refreshSoon();
    }, REFRESH_EVERY_MS);
  }

  /** @param {{kind: string, payload: any}} event */
  #heard(event) {
    this.run.apply(event);
    this.#updateSoon();
    if (!QUIET.has(event.kind)) this.#refreshSoon();
  }

  #updateSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.plot?.setData(/** @type {any} */ (heroData(this.run)));
      // The axis keeps its ends but gets new epochs between them.
      this.plot?.redraw(false, true);
      this.smallPlots?.forEach((plot, index) => plot.setData(smallData(this.small[index], this.run)));
      this.#showPlace();
    });
  }

  #refreshSoon() {
    this.refresh ??= setTimeout(async () => {
      const done = await refreshParts();
      this.refresh = undefined;
      this.refreshed = Date.now();
      if (done) this.#showPlace();
      if (isFinal()) this.#connection("ended");
    }, Math.max(REFRESH_AFTER_MS, this.refreshed + REFRESH_APART_MS - Date.now()));
  }

  #drawAll() {
    this.plot?.destroy();
    for (const plot of this.smallPlots ?? []) plot.destroy();
    this.plot = drawHero(this.hero, this.run, { log: this.log, isShare: this.isShare, words: this.words });
    this.smallPlots = this.small.map((place) => drawSmall(place, this.run, this.words));
    this.#showPlace();
  }

  /** The empty curve says what it waits for. */
  #showPlace() {
    document.getElementById("curve-empty")?.toggleAttribute("hidden", this.run.lastStep > 0);
  }

  #watchSize() {
    let width = this.hero.clientWidth;
    new ResizeObserver(() => {
      if (this.hero.clientWidth === width) return;
      width = this.hero.clientWidth;
      this.#drawAll();
    }).observe(this.hero);
  }

  /** @param {Event} event */
  #clicked(event) {
    const button = event.target instanceof Element && event.target.closest("[data-curve]");
    if (!(button instanceof HTMLElement) || !this.plot) return;
    const name = `${this.first.title}-${this.first.id}`;
    if (button.dataset.curve === "png") savePng(this.plot.ctx.canvas, name);
    if (button.dataset.curve === "csv") this.#saveNumbers(name);
    if (button.dataset.curve === "log") {
      this.log = !this.log;
      button.setAttribute("aria-pressed", String(this.log));
      this.#drawAll();
    }
  }

  /** @param {string} name */
  #saveNumbers(name) {
    const [steps, ...columns] = heroData(this.run);
    const at = (/** @type {(point: any) => number} */ read) =>
      steps.map((step) => {
        const point = this.run.points.get(Number(step));
        return point ? read(point) : null;
      });
    const rates = at((point) => Math.max(...Object.values(point.lr ?? {})));
    saveCsv(
      ["step", "epoch", "train_loss_step", "train_loss", "validation_loss", "train_value", "validation_value", "lr", "samples_per_s", "memory_bytes"],
      [steps, steps.map((step) => Number(epochAt(this.run, Number(step)))), ...columns, rates, at((point) => point.samples_per_s), at((point) => point.memory_bytes)],
      name,
    );
  }

  /** Left and right go from epoch to epoch and say the numbers. @param {KeyboardEvent} event */
  #keyed(event) {
    const epochs = this.run.sortedEpochs();
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || epochs.length === 0 || !this.plot) return;
    event.preventDefault();
    this.cursor = Math.min(epochs.length - 1, Math.max(0, this.cursor + by));
    const epoch = epochs[this.cursor];
    this.plot.setCursor({
      left: this.plot.valToPos(epoch.step, "x"),
      top: this.plot.valToPos(epoch.validation_value, "measure"),
    });
    const words = this.words;
    const said = document.getElementById("curve-said");
    if (said)
      said.textContent = `${words.epoch} ${epoch.epoch}: ${words.train_loss} ${shown(epoch.train_loss)}, ${words.validation_loss} ${shown(epoch.validation_loss)}, ${words.validation_value} ${measured(epoch.validation_value, this.isShare)}`;
  }

  /** @param {"live" | "away" | "ended"} state */
  #connection(state) {
    const chip = document.getElementById("connection");
    if (!chip) return;
    chip.hidden = state !== "away";
  }
}

function isFinal() {
  return document.getElementById("run-head")?.dataset.final === "true";
}

/** Clocks go on between two news: elapsed up, left down. */
function tick() {
  for (const clock of document.querySelectorAll("[data-since], [data-until]")) {
    if (!(clock instanceof HTMLElement)) continue;
    const { since, until } = clock.dataset;
    const seconds = since ? (Date.now() - Date.parse(since)) / 1000 : (Date.parse(until ?? "") - Date.now()) / 1000;
    clock.textContent = span(Math.max(0, seconds));
  }
}

/** As the server writes it. @param {number} seconds */
function span(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const two = (/** @type {number} */ number) => String(Math.floor(number)).padStart(2, "0");
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

const written = document.getElementById("run-data");
if (written) new RunPage(JSON.parse(written.textContent ?? "{}")).start();
