// @ts-check
// The upload page: pick or drop files, send them in parts, commit them together.
import { Transfer, fileKey } from "./lib/transfer.js";
import { droppedFiles, pickedFiles } from "./lib/picked.js";

/** @typedef {{ file: File, path: string, transfer: Transfer, row: HTMLElement }} Entry */

const form = document.querySelector("form[data-upload]");
if (form instanceof HTMLFormElement) start(form);

/** @param {HTMLFormElement} form */
function start(form) {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  const drop = /** @type {HTMLElement} */ (form.querySelector(".drop"));
  const add = (/** @type {{ file: File, path: string }[]} */ files) => {
    for (const { file, path } of files) addFile(form, entries, file, path);
    refresh(form, entries);
    sendNext(entries);
  };
  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      if (!(input instanceof HTMLInputElement)) return;
      add(pickedFiles(input.files));
      input.value = "";
    });
  }
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("is-over", name === "dragover");
    });
  }
  drop.addEventListener("drop", async (event) => add(await droppedFiles(event.dataTransfer)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    commit(form, entries);
  });
  addEventListener("beforeunload", (event) => {
    if ([...entries.values()].some((entry) => entry.transfer.state === "sending")) {
      event.preventDefault();
    }
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {Map<string, Entry>} entries
 * @param {File} file
 * @param {string} name
 */
function addFile(form, entries, file, name) {
  const folder = field(form, "folder").value.trim().replace(/^\/+|\/+$/g, "");
  const path = folder ? `${folder}/${name}` : name;
  entries.get(path)?.row.remove();
  const row = newRow(form, path);
  const transfer = new Transfer(repositoryOf(form), path, file, form.dataset.hashing ?? "");
  const entry = { file, path, transfer, row };
  entries.set(path, entry);
  transfer.onchange = () => {
    show(form, entry);
    refresh(form, entries);
  };
  row.addEventListener("click", (event) => act(event, form, entries, entry));
  show(form, entry);
}

/**
 * @param {Event} event
 * @param {HTMLFormElement} form
 * @param {Map<string, Entry>} entries
 * @param {Entry} entry
 */
function act(event, form, entries, entry) {
  const button = event.target instanceof Element && event.target.closest("button");
  if (!button) return;
  if (button.name === "remove") {
    entry.transfer.pause();
    entries.delete(entry.path);
    entry.row.remove();
    refresh(form, entries);
  } else if (entry.transfer.state === "sending") {
    entry.transfer.pause();
  } else {
    entry.transfer.state = "waiting";
  }
  sendNext(entries);
}

/**
 * Send one file after the other: parts of one file already go side by side.
 * @param {Map<string, Entry>} entries
 */
async function sendNext(entries) {
  const all = [...entries.values()];
  if (all.some((entry) => entry.transfer.state === "sending")) return;
  const next = all.find((entry) => entry.transfer.state === "waiting");
  if (!next) return;
  await next.transfer.send();
  sendNext(entries);
}

/**
 * @param {HTMLFormElement} form
 * @param {Map<string, Entry>} entries
 */
async function commit(form, entries) {
  const files = [...entries.values()].map((entry) => ({
    path: entry.path,
    upload: entry.transfer.id,
  }));
  const button = submitButton(form);
  button.disabled = true;
  const answer = await fetch(form.dataset.commit ?? "", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({
      message: field(form, "message").value,
      branch: form.dataset.branch,
      files,
    }),
  }).catch(() => null);
  if (answer?.ok) {
    for (const entry of entries.values()) localStorage.removeItem(fileKey(entry.transfer));
    location.assign(form.dataset.done ?? "/");
    return;
  }
  const said = answer ? await answer.json().catch(() => null) : null;
  fail(form, said?.error ?? form.dataset.failed ?? "", said?.details ?? []);
  button.disabled = false;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} message
 * @param {{ path: string, message: string }[]} details
 */
function fail(form, message, details) {
  const place = /** @type {HTMLElement} */ (form.querySelector("[data-error]"));
  place.hidden = false;
  const lines = details.map((detail) => `${detail.path}: ${detail.message}`);
  place.textContent = [message, ...lines].join("\n");
}

/**
 * @param {HTMLFormElement} form
 * @param {string} path
 */
function newRow(form, path) {
  const template = /** @type {HTMLTemplateElement} */ (form.querySelector("template"));
  const row = /** @type {HTMLElement} */ (
    /** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild
  );
  /** @type {HTMLElement} */ (row.querySelector(".upload-path")).textContent = path;
  form.querySelector(".uploads")?.append(row);
  return row;
}

/**
 * @param {HTMLFormElement} form
 * @param {Entry} entry
 */
function show(form, { transfer, row }) {
  const bar = /** @type {HTMLProgressElement} */ (row.querySelector("progress"));
  bar.value = transfer.fraction;
  bar.classList.toggle("progress-done", transfer.state === "done");
  const words = form.dataset[`word${transfer.state[0].toUpperCase()}${transfer.state.slice(1)}`];
  const state = /** @type {HTMLElement} */ (row.querySelector("[data-state]"));
  const percent = transfer.state === "sending" ? ` ${Math.floor(transfer.fraction * 100)} %` : "";
  state.textContent = `${words ?? ""}${percent}${transfer.problem ? `: ${transfer.problem}` : ""}`;
  const toggle = /** @type {HTMLButtonElement} */ (row.querySelector("button[name=toggle]"));
  toggle.hidden = transfer.state === "done";
  toggle.textContent =
    (transfer.state === "sending" ? form.dataset.wordPause : form.dataset.wordResume) ?? "";
}

/**
 * @param {HTMLFormElement} form
 * @param {Map<string, Entry>} entries
 */
function refresh(form, entries) {
  const all = [...entries.values()];
  submitButton(form).disabled =
    all.length === 0 || all.some((entry) => entry.transfer.state !== "done");
  const list = /** @type {HTMLElement} */ (form.querySelector("[data-list]"));
  list.hidden = all.length === 0;
}

/** @param {HTMLFormElement} form */
function submitButton(form) {
  return /** @type {HTMLButtonElement} */ (form.querySelector("button[data-commit-button]"));
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function field(form, name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/** @param {HTMLFormElement} form */
function repositoryOf(form) {
  const { kind, owner, name } = form.dataset;
  return { kind: kind ?? "", owner: owner ?? "", name: name ?? "" };
}
