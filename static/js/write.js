// @ts-check
// Writing a tutorial: what is typed is kept on the server, and pictures are pasted or dropped.

const PAUSE_MS = 1500;
const AT_LATEST_MS = 4500;
const AGAIN_MS = 5000;

class Desk {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.state = document.getElementById("draft-state");
    /** @type {Record<string, string>} */
    this.words = JSON.parse(this.state?.dataset.words ?? "{}");
    this.timer = 0;
    this.dirtySince = 0;
    this.edits = 0;
    this.saving = false;
    form.addEventListener("input", () => this.#typed());
    form.addEventListener("submit", () => {
      clearTimeout(this.timer);
      this.dirtySince = 0;
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.dirtySince) event.preventDefault();
    });
  }

  #typed() {
    const now = Date.now();
    this.dirtySince ||= now;
    this.edits += 1;
    this.#say("unsaved");
    // After a pause, but never later than a few seconds after the first key.
    const wait = Math.max(0, Math.min(PAUSE_MS, this.dirtySince + AT_LATEST_MS - now));
    this.#later(wait);
  }

  /** @param {number} wait milliseconds */
  #later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#save(), wait);
  }

  async #save() {
    if (this.saving) return this.#later(300);
    this.saving = true;
    const edits = this.edits;
    this.#say("saving");
    try {
      const answer = await fetch(this.form.dataset.save ?? "", {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams(/** @type {any} */ (new FormData(this.form))),
      });
      await this.#answered(answer, edits);
    } catch {
      this.#say("failed");
      this.#later(AGAIN_MS);
    } finally {
      this.saving = false;
    }
  }

  /**
   * @param {Response} answer
   * @param {number} edits how much had been typed when it was sent
   */
  async #answered(answer, edits) {
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) {
      /** @type {HTMLInputElement} */ (this.form.elements.namedItem("revision")).value = body.revision;
      if (edits === this.edits) {
        this.dirtySince = 0;
        this.#say("saved");
      } else {
        this.dirtySince = Date.now();
      }
    } else if (answer.status === 412) {
      // Asking again would answer the same: the writer has to look.
      this.#say("clash");
    } else if (answer.status >= 500) {
      this.#say("failed");
      this.#later(AGAIN_MS);
    } else {
      this.#tell([body.error, body.fix].filter(Boolean).join(" "));
    }
  }

  /** @param {string} word */
  #say(word) {
    this.#tell(this.words[word] ?? "");
  }

  /** @param {string} text */
  #tell(text) {
    if (this.state) this.state.textContent = text;
  }

  /** Let pictures be pasted and dropped into the text. */
  takePictures() {
    const area = this.form.elements.namedItem("body");
    if (!(area instanceof HTMLTextAreaElement)) return;
    area.addEventListener("paste", (event) => this.#taken(event, event.clipboardData, area));
    area.addEventListener("drop", (event) => this.#taken(event, event.dataTransfer, area));
    area.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
  }

  /**
   * @param {Event} event
   * @param {DataTransfer | null} data
   * @param {HTMLTextAreaElement} area
   */
  #taken(event, data, area) {
    const pictures = [...(data?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (pictures.length === 0) return;
    event.preventDefault();
    for (const picture of pictures) this.#send(picture, area);
  }

  /**
   * @param {File} picture
   * @param {HTMLTextAreaElement} area
   */
  async #send(picture, area) {
    this.#say("uploading");
    const data = new FormData();
    data.append("picture", picture);
    try {
      const answer = await fetch(this.form.dataset.pictures ?? "", {
        method: "POST",
        headers: { Accept: "application/json" },
        body: data,
      });
      const body = await answer.json();
      if (!answer.ok) return this.#tell([body.error, body.fix].filter(Boolean).join(" "));
      area.setRangeText(`${body.markdown}\n`, area.selectionStart, area.selectionEnd, "end");
      area.dispatchEvent(new Event("input", { bubbles: true }));
    } catch {
      this.#say("refused");
    }
  }
}

const form = document.getElementById("draft");
if (form instanceof HTMLFormElement) new Desk(form).takePictures();
