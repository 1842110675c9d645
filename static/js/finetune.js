// @ts-check
// The fine-tune page: form and text in step, and the doctor asked after every change. What the
// doctor says comes from the server as markup, by the same code that refuses a bad recipe.
import { buildForm, offerWays } from "./finetune/fields.js";
import { RecipeText } from "./finetune/recipe.js";

const CHECK_AFTER_MS = 350;
const PICKS = { data: ["data", "train", "repo"], base: ["model", "base", "repo"] };

class FineTunePage {
  constructor() {
    this.data = JSON.parse(document.getElementById("form-data")?.textContent ?? "{}");
    this.form = /** @type {HTMLElement} */ (document.getElementById("recipe-form"));
    this.recipe = new RecipeText(/** @type {HTMLTextAreaElement} */ (document.getElementById("recipe")));
    this.asked = 0;
  }

  start() {
    offerWays();
    this.#build();
    this.recipe.area.addEventListener("input", () => this.#typed());
    document.addEventListener("change", (event) => this.#chosen(event));
    document.addEventListener("click", (event) => this.#filled(event));
    document.addEventListener("input", (event) => this.#suggest(event));
  }

  #build() {
    buildForm(this.form, this.recipe, this.data, (rebuild) => {
      if (rebuild) this.#build();
      this.#syntax();
      this.#checkSoon();
    });
  }

  #typed() {
    if (this.recipe.read()) this.#build();
    this.#syntax();
    this.#checkSoon();
  }

  /** What is not YAML is said at once, beside the text. */
  #syntax() {
    const line = document.getElementById("recipe-syntax");
    if (!line) return;
    line.hidden = this.recipe.problem === "";
    const said = document.getElementById("recipe-problem");
    if (said) said.textContent = this.recipe.problem;
    this.recipe.area.setAttribute("aria-invalid", String(this.recipe.problem !== ""));
  }

  /** @param {Event} event */
  #chosen(event) {
    const input = event.target;
    if (input instanceof HTMLSelectElement && "task" in input.dataset) this.#preset();
    if (!(input instanceof HTMLInputElement)) return;
    if (input.dataset.pick) this.#picked(input);
    if ("preset" in input.dataset) this.#preset();
  }

  /** A name under the field fills it. @param {Event} event */
  #filled(event) {
    const link = event.target instanceof Element && event.target.closest("[data-fill]");
    if (!(link instanceof HTMLElement)) return;
    const input = document.getElementById(link.dataset.fill ?? "");
    if (!(input instanceof HTMLInputElement)) return;
    event.preventDefault();
    input.value = link.dataset.value ?? "";
    this.#picked(input);
  }

  /** @param {HTMLInputElement} input */
  async #picked(input) {
    const kind = /** @type {keyof typeof PICKS} */ (input.dataset.pick);
    this.recipe.set(PICKS[kind], input.value.trim());
    const name = this.#suggestedName();
    if (name) this.recipe.set(["name"], name);
    this.#build();
    const facts = document.getElementById(`${kind}-facts`);
    facts?.setAttribute("aria-busy", "true");
    const page = await this.#fetchPage();
    facts?.removeAttribute("aria-busy");
    if (page) {
      swap(page, `${kind}-facts`);
      swap(page, "base-near");
      if (kind === "base") this.#begin(page);
      this.#follow(page);
    } else if (facts) facts.textContent = this.data.words.failed;
    this.#checkSoon();
  }

  /** A name nobody chose follows the picks. */
  #suggestedName() {
    const short = (/** @type {string} */ id) => {
      const input = document.getElementById(id);
      return input instanceof HTMLInputElement ? input.value.trim().split("/").at(-1) : "";
    };
    const parts = [short("base"), short("data")].filter(Boolean);
    const name = parts.join("-").replaceAll(/[^A-Za-z0-9._-]/g, "-").slice(0, 96);
    const own = this.recipe.get(["name"]);
    const isOurs = !own || own === this.data.suggested;
    this.data.suggested = isOurs ? name : this.data.suggested;
    return isOurs ? name : "";
  }

  /** A network that has learned nothing begins with random weights. @param {Document} page */
  #begin(page) {
    const area = page.getElementById("recipe");
    if (!(area instanceof HTMLTextAreaElement)) return;
    const path = ["model", "base", "weights"];
    this.recipe.set(path, new RecipeText(area).get(path));
  }

  /** Other data may be for another task: then the ways and the recipe are others too. @param {Document} page */
  #follow(page) {
    const area = page.getElementById("recipe");
    if (!(area instanceof HTMLTextAreaElement)) return;
    const own = this.recipe.get(["task"]) ?? "image-classification";
    if (area.dataset.forTask === own) return;
    swap(page, "ways");
    this.recipe.replace(area.value, [["name"], ["reproducibility"], ["resources"]]);
    this.#build();
  }

  async #preset() {
    const page = await this.#fetchPage();
    swap(page, "ways");
    const area = page?.getElementById("recipe");
    if (!(area instanceof HTMLTextAreaElement)) return;
    this.recipe.replace(area.value, [["name"], ["reproducibility"], ["resources"]]);
    this.#build();
    this.#checkSoon();
  }

  /** The page for what is chosen now; the address keeps it. @returns {Promise<Document | null>} */
  async #fetchPage() {
    const form = document.getElementById("choose");
    if (!(form instanceof HTMLFormElement)) return null;
    const chosen = new URLSearchParams(/** @type {any} */ (new FormData(form)));
    const address = `${location.pathname}?${chosen}`;
    const response = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!response?.ok) return null;
    history.replaceState(null, "", address);
    return new DOMParser().parseFromString(await response.text(), "text/html");
  }

  #checkSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#check(), CHECK_AFTER_MS);
  }

  async #check() {
    this.asked += 1;
    const asked = this.asked;
    const body = new URLSearchParams({ recipe: this.recipe.area.value });
    const response = await fetch("/fine-tune/check", { method: "POST", body }).catch(() => null);
    // An answer to an older question says nothing about the recipe as it is now.
    if (!response?.ok || asked !== this.asked) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    swap(fresh, "check");
    swap(fresh, "summary");
  }

  /** While somebody types a name: what is called like that. @param {Event} event */
  #suggest(event) {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || !input.dataset.pick) return;
    clearTimeout(this.suggesting);
    this.suggesting = setTimeout(async () => {
      const kind = input.dataset.pick === "data" ? "datasets" : "models";
      const wanted = new URLSearchParams({ search: input.value, limit: "12" });
      const response = await fetch(`/api/${kind}?${wanted}`).catch(() => null);
      if (!response?.ok) return;
      const found = /** @type {{id: string}[]} */ (await response.json());
      const options = found.map(({ id }) => Object.assign(document.createElement("option"), { value: id }));
      document.getElementById(`${input.dataset.pick}-names`)?.replaceChildren(...options);
    }, CHECK_AFTER_MS);
  }
}

/** @param {Document | null} fresh @param {string} id */
function swap(fresh, id) {
  const part = fresh?.getElementById(id);
  if (part) document.getElementById(id)?.replaceWith(part);
}

if (document.getElementById("form-data")) new FineTunePage().start();
