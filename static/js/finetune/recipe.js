// @ts-check
// The recipe as text and as values at once. A change of one value leaves the rest of the text,
// comments and order included, as its writer left it.
import { parseDocument } from "yaml";

/** @typedef {(string | number)[]} Path */

export class RecipeText {
  /** @param {HTMLTextAreaElement} area */
  constructor(area) {
    this.area = area;
    this.doc = parseDocument("");
    this.problem = "";
    this.read();
  }

  /** Take in what was typed. @returns {boolean} whether it is YAML with keys */
  read() {
    const doc = parseDocument(this.area.value, { version: "1.2", uniqueKeys: true });
    const values = doc.errors.length > 0 ? null : doc.toJS({ maxAliasCount: 0 });
    this.problem = doc.errors[0]?.message.split("\n")[0] ?? "";
    if (doc.errors.length > 0 || values === null || typeof values !== "object") return false;
    this.doc = doc;
    return true;
  }

  /** The plain values. @returns {any} */
  values() {
    return this.doc.toJS({ maxAliasCount: 0 }) ?? {};
  }

  /** @param {Path} path */
  get(path) {
    return path.reduce((/** @type {any} */ value, key) => value?.[key], this.values());
  }

  /**
   * Write a value, or take the key away; parents that are left empty go with it.
   * @param {Path} path
   * @param {unknown} value undefined removes the key
   */
  set(path, value) {
    if (value !== undefined) this.doc.setIn(path, value);
    else this.#remove(path);
    this.write();
  }

  /** Take over a whole recipe but keep what it works on. @param {string} text @param {Path[]} keep */
  replace(text, keep) {
    const kept = keep.map((path) => /** @type {const} */ ([path, this.get(path)]));
    this.area.value = text;
    if (!this.read()) return;
    for (const [path, value] of kept) if (value !== undefined) this.doc.setIn(path, value);
    this.write();
  }

  /** @param {number} index */
  removeStage(index) {
    this.doc.deleteIn(["train", "stages", index]);
    this.write();
  }

  /** A stage like the last one, with a name of its own. */
  addStage() {
    const stages = this.get(["train", "stages"]) ?? [];
    const last = stages.findLast((/** @type {any} */ stage) => stage && !("gradual_unfreezing" in stage));
    const fresh = structuredClone(last ?? { train: "all", epochs: 1, optimizer: { name: "adamw", lr: 0.0001 } });
    this.doc.addIn(["train", "stages"], this.doc.createNode({ ...fresh, name: `stage-${stages.length + 1}` }));
    this.write();
  }

  write() {
    this.area.value = this.doc.toString({ lineWidth: 0, flowCollectionPadding: false });
    this.problem = "";
  }

  /** @param {Path} path */
  #remove(path) {
    this.doc.deleteIn(path);
    for (let length = path.length - 1; length > 0; length -= 1) {
      const parent = path.slice(0, length);
      const value = this.get(parent);
      if (value === null || typeof value !== "object" || Object.keys(value).length > 0) return;
      this.doc.deleteIn(parent);
    }
  }
}
