// @ts-check

/** The sha256 of a file and of each of its parts, computed beside the page, part after part. */
export class Hasher {
  /** @param {string} address where the worker's script is */
  constructor(address) {
    this.worker = new Worker(address, { type: "module" });
    this.worker.postMessage("start");
  }

  /**
   * Take the next part; its bytes come back with its hash.
   * @param {ArrayBuffer} bytes
   * @returns {Promise<{ digest: string, bytes: ArrayBuffer }>}
   */
  part(bytes) {
    return this.ask(bytes, [bytes]);
  }

  /**
   * The hash of all parts; the hasher is used up then.
   * @returns {Promise<string>}
   */
  async whole() {
    const { digest } = await this.ask("end", []);
    this.worker.terminate();
    return digest;
  }

  /** Give the hasher up before its end. */
  drop() {
    this.worker.terminate();
  }

  /**
   * @param {ArrayBuffer | string} message
   * @param {Transferable[]} moved
   * @returns {Promise<any>}
   */
  ask(message, moved) {
    return new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data }) => resolve(data);
      this.worker.onerror = (event) => reject(new Error(event.message));
      this.worker.postMessage(message, moved);
    });
  }
}
