// @ts-check
import { Hasher } from "./hasher.js";

const PARALLEL = 3;
const ATTEMPTS = 6;

/**
 * One file on its way: parts of a few megabytes, each with its sha256, then the whole file's.
 * The upload's id is kept in the browser, so picking the same file after a reload goes on.
 */
export class Transfer {
  /**
   * @param {{ kind: string, owner: string, name: string }} repository
   * @param {string} path
   * @param {File} file
   * @param {string} hashing where the hashing worker's script is
   */
  constructor(repository, path, file, hashing) {
    this.hashing = hashing;
    this.repository = repository;
    this.path = path;
    this.file = file;
    this.id = "";
    this.problem = "";
    /** @type {"waiting" | "sending" | "paused" | "done" | "failed"} */
    this.state = "waiting";
    this.sent = 0;
    this.onchange = () => {};
    this.stop = new AbortController();
  }

  /** How much of the file the site has, in [0, 1]. */
  get fraction() {
    if (this.state === "done") return 1;
    return this.file.size === 0 ? 0 : this.sent / this.file.size;
  }

  /** Stop sending; what has arrived stays. */
  pause() {
    if (this.state === "done") return;
    this.state = "paused";
    this.stop.abort();
    this.onchange();
  }

  /** Send what is missing, then have the site verify the whole file. Never throws. */
  async send() {
    this.state = "sending";
    this.problem = "";
    this.sent = 0;
    this.stop = new AbortController();
    this.onchange();
    try {
      const upload = await this.open();
      const digest = await this.sendParts(upload);
      await this.call(`/api/v1/uploads/${this.id}/complete`, "POST", { sha256: digest });
      this.state = "done";
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.state = "failed";
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.onchange();
  }

  /** Find the upload of an earlier visit, or begin one. */
  async open() {
    const known = localStorage.getItem(fileKey(this));
    if (known) {
      const found = await this.call(`/api/v1/uploads/${known}`, "GET").catch(() => null);
      if (found) {
        this.id = known;
        return found;
      }
    }
    const { kind, owner, name } = this.repository;
    const repository = `${kind}s/${owner}/${name}`;
    const body = { repository, path: this.path, size: this.file.size };
    const made = await this.call("/api/v1/uploads", "POST", body);
    this.id = made.id;
    localStorage.setItem(fileKey(this), made.id);
    return made;
  }

  /**
   * Hash every part in order, and send those the site does not have, a few at a time.
   * @param {{ part_size: number, parts?: number[] }} upload
   */
  async sendParts(upload) {
    const present = new Set(upload.parts);
    const hasher = new Hasher(this.hashing);
    /** @type {Set<Promise<void>>} */
    const flying = new Set();
    try {
      for (let start = 0, number = 1; start < this.file.size; start += upload.part_size, number++) {
        this.stop.signal.throwIfAborted();
        const slice = this.file.slice(start, start + upload.part_size);
        const { digest, bytes } = await hasher.part(await slice.arrayBuffer());
        if (present.has(number)) {
          this.arrived(slice.size);
          continue;
        }
        const sending = this.sendPart(number, bytes, digest).finally(() => flying.delete(sending));
        flying.add(sending);
        if (flying.size >= PARALLEL) await Promise.race(flying);
      }
      await Promise.all(flying);
      return await hasher.whole();
    } finally {
      hasher.drop();
      // What still flies after a failure must not shout into the void.
      await Promise.allSettled(flying);
    }
  }

  /**
   * @param {number} number
   * @param {ArrayBuffer} bytes
   * @param {string} digest
   */
  async sendPart(number, bytes, digest) {
    await this.request(`/api/v1/uploads/${this.id}/parts/${number}`, {
      method: "PUT",
      headers: { "X-Content-Sha256": digest },
      body: bytes,
    });
    this.arrived(bytes.byteLength);
  }

  /** @param {number} size */
  arrived(size) {
    this.sent += size;
    this.onchange();
  }

  /**
   * @param {string} address
   * @param {string} method
   * @param {object} [body]
   */
  async call(address, method, body) {
    const answer = await this.request(address, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
    });
    return answer.status === 204 ? null : answer.json();
  }

  /**
   * Ask, and ask again after a pause when the network or the site is away for a moment.
   * @param {string} address
   * @param {RequestInit} options
   * @returns {Promise<Response>}
   */
  async request(address, options) {
    for (let attempt = 1; ; attempt++) {
      const answer = await fetch(address, { ...options, signal: this.stop.signal }).catch(
        (error) => {
          this.stop.signal.throwIfAborted();
          if (attempt >= ATTEMPTS) throw error;
          return null;
        },
      );
      if (answer?.ok) return answer;
      if (answer && answer.status < 500 && answer.status !== 429) throw await refusal(answer);
      if (answer && attempt >= ATTEMPTS) throw await refusal(answer);
      await new Promise((resolve) => setTimeout(resolve, 300 * 2 ** attempt));
    }
  }
}

/** @param {Response} answer */
async function refusal(answer) {
  const said = await answer.json().catch(() => null);
  return new Error(said?.error ?? `HTTP ${answer.status}`);
}

/**
 * Where the browser remembers the upload of this very file.
 * @param {Transfer} transfer
 */
export function fileKey({ repository, path, file }) {
  const { kind, owner, name } = repository;
  return `upload:${kind}/${owner}/${name}:${path}:${file.size}:${file.lastModified}`;
}
