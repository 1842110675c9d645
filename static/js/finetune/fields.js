// @ts-check
// The form beside the text: its fields come from the recipe's own schema, by way of the server.

/**
 * @typedef {{path: string[], label: string, help: string, kind: string, options: string[],
 *   minimum: number | null, maximum: number | null, default: unknown, modalities: string[]}} Spec
 * @typedef {{general: Spec[], stage: Spec[], macro: Spec[], words: Record<string, string>,
 *   modalities: Record<string, string>}} FormData
 * @typedef {import("./recipe.js").RecipeText} RecipeText
 */

const WAYS = ["all", "head", "last:1, head", "last:2, head", "last:3, head"];

/**
 * Build the form anew from the recipe; `changed` is called after a field has written its value.
 * @param {HTMLElement} place
 * @param {RecipeText} recipe
 * @param {FormData} data
 * @param {(rebuild: boolean) => void} changed
 */
export function buildForm(place, recipe, data, changed) {
  const stages = recipe.get(["train", "stages"]);
  const boxes = Array.isArray(stages) ? stages.map((stage, index) => stageBox(stage, index, stages.length)) : [];
  const add = element("button", { type: "button", className: "btn btn-quiet btn-small", textContent: data.words.add });
  add.addEventListener("click", () => {
    recipe.addStage();
    changed(true);
  });
  const modality = data.modalities[recipe.get(["task"]) ?? "image-classification"];
  const used = data.general.filter((spec) => spec.modalities.length === 0 || spec.modalities.includes(modality));
  const general = box(data.words.general, used.map((spec) => field(spec, spec.path)));
  place.replaceChildren(...boxes, add, general);

  /** @param {any} stage @param {number} index @param {number} count */
  function stageBox(stage, index, count) {
    const at = ["train", "stages", index];
    const isMacro = stage !== null && typeof stage === "object" && "gradual_unfreezing" in stage;
    const specs = isMacro ? data.macro : data.stage;
    const fields = specs.map((spec) => field(spec, [...at, ...spec.path]));
    if (!isMacro) fields.unshift(trainField(at));
    const title = `${index + 1} · ${isMacro ? data.words.gradual : (stage?.name ?? "")}`;
    const made = box(title, fields);
    if (count > 1) made.querySelector("legend")?.append(removeButton(index));
    return made;
  }

  /** @param {number} index */
  function removeButton(index) {
    const button = element("button", { type: "button", className: "btn-text small", textContent: data.words.remove });
    button.addEventListener("click", () => {
      recipe.removeStage(index);
      changed(true);
    });
    return button;
  }

  /** @param {Spec} spec @param {(string | number)[]} path */
  function field(spec, path) {
    const value = recipe.get(path);
    const input = spec.kind === "choice" ? choice(spec, value) : number(spec, value);
    input.addEventListener("change", () => {
      const typed = spec.kind === "choice" ? input.value : asNumber(input.value, spec);
      if (typed !== null) recipe.set(path, typed === "" ? undefined : typed);
      changed(false);
    });
    return labelled(spec.label, input, spec.help, path);
  }

  /** @param {(string | number)[]} at */
  function trainField(at) {
    const value = recipe.get([...at, "train"]);
    const input = element("input", { className: "form-control", type: "text", value: Array.isArray(value) ? value.join(", ") : String(value ?? "") });
    input.setAttribute("list", "train-ways");
    input.addEventListener("change", () => {
      const parts = input.value.split(",").map((part) => part.trim()).filter(Boolean);
      recipe.set([...at, "train"], parts.length === 1 && parts[0] === "all" ? "all" : parts);
      changed(false);
    });
    return labelled(data.words.trains, input, data.words.trains_help, [...at, "train"]);
  }
}

/** Values offered for what a stage trains; once on the page. */
export function offerWays() {
  const list = element("datalist", { id: "train-ways" });
  list.append(...WAYS.map((way) => element("option", { value: way })));
  document.body.append(list);
}

/** @param {Spec} spec @param {unknown} value */
function choice(spec, value) {
  const select = element("select", { className: "form-select" });
  select.append(...spec.options.map((option) => element("option", { value: option, textContent: option })));
  select.value = String(value ?? spec.default ?? "");
  return select;
}

/** @param {Spec} spec @param {unknown} value */
function number(spec, value) {
  const input = element("input", { className: "form-control", type: "text", inputMode: "decimal" });
  input.value = typeof value === "number" ? plain(value) : Array.isArray(value) ? value.join(", ") : "";
  input.disabled = value !== null && typeof value === "object";
  if (spec.default !== null && spec.default !== undefined) input.placeholder = String(spec.default);
  else input.placeholder = "–";
  return input;
}

/** Rates as people write them: 0.0003, or 3e-7. @param {number} value */
function plain(value) {
  return value !== 0 && Math.abs(value) < 1e-5 ? value.toExponential() : String(value);
}

/** The number, "" when the field is empty, null when it is no number of that kind. @param {string} text @param {Spec} spec */
function asNumber(text, spec) {
  if (text.trim() === "") return "";
  const value = Number(text.trim());
  if (!Number.isFinite(value) || (spec.kind === "integer" && !Number.isInteger(value))) return null;
  return value;
}

/** @param {string} title @param {Node[]} fields */
function box(title, fields) {
  const made = element("fieldset", { className: "how-box" });
  const legend = element("legend", {});
  legend.append(element("span", { textContent: title }));
  const grid = element("div", { className: "how-grid" });
  grid.append(...fields);
  made.append(legend, grid);
  return made;
}

/** @param {string} label @param {HTMLElement} input @param {string} help @param {(string | number)[]} path */
function labelled(label, input, help, path) {
  const id = `recipe-${path.join("-")}`;
  input.id = id;
  const made = element("div", { className: "how-field" });
  const name = element("label", { textContent: label });
  name.htmlFor = id;
  if (help) {
    name.title = help;
    input.title = help;
  }
  made.append(name, input);
  return made;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Partial<HTMLElementTagNameMap[K]>} properties
 */
function element(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}
