// @ts-check
// A worker that hashes: a page that sends gigabytes must still scroll.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

let whole = sha256.create();

// Messages: "start"; a part's bytes, in order, answered with its sha256 and the bytes; "end".
addEventListener("message", ({ data }) => {
  if (data === "start") {
    whole = sha256.create();
  } else if (data === "end") {
    postMessage({ digest: bytesToHex(whole.digest()) });
  } else {
    const bytes = new Uint8Array(data);
    whole.update(bytes);
    const digest = bytesToHex(sha256(bytes));
    postMessage({ digest, bytes: data }, /** @type {any} */ ([data]));
  }
});
