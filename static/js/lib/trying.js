// @ts-check
// The box in which a model is tried: shows the picture or sound that was chosen, takes what is
// dropped, and records a sound as WAV, the one format that every worker reads.

const RATE_BYTES = 2;
const LONGEST_MS = 30_000;

/** @param {Document} page */
export function startTrying(page) {
  for (const form of page.querySelectorAll("form[data-try]")) {
    if (form instanceof HTMLFormElement) startForm(form);
  }
}

/** @param {HTMLFormElement} form */
function startForm(form) {
  const input = form.querySelector("input[type=file]");
  const drop = form.querySelector(".try-drop");
  if (!(input instanceof HTMLInputElement) || !drop) return;
  input.addEventListener("change", () => show(form, input.files?.[0]));
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("is-over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("is-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    const file = event instanceof DragEvent ? event.dataTransfer?.files[0] : undefined;
    if (file) choose(form, input, file);
  });
  const button = form.querySelector("[data-try-record]");
  if (button instanceof HTMLButtonElement && navigator.mediaDevices) {
    button.hidden = false;
    startRecording(form, input, button);
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 * @param {File} file
 */
function choose(form, input, file) {
  const list = new DataTransfer();
  list.items.add(file);
  input.files = list.files;
  show(form, file);
}

/**
 * @param {HTMLFormElement} form
 * @param {File | undefined} file
 */
function show(form, file) {
  for (const place of form.querySelectorAll("[data-try-picture], [data-try-sound]")) {
    if (place instanceof HTMLImageElement || place instanceof HTMLAudioElement) {
      const isFor = place instanceof HTMLImageElement ? "image" : "audio";
      URL.revokeObjectURL(place.src);
      place.hidden = !file || form.dataset.try !== isFor;
      if (file && !place.hidden) place.src = URL.createObjectURL(file);
    }
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} input
 * @param {HTMLButtonElement} button
 */
function startRecording(form, input, button) {
  const word = button.textContent;
  /** @type {MediaRecorder | null} */
  let recorder = null;
  button.addEventListener("click", async () => {
    if (recorder) {
      recorder.stop();
      return;
    }
    const sound = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
    if (!sound) return;
    /** @type {Blob[]} */
    const parts = [];
    recorder = new MediaRecorder(sound);
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", async () => {
      recorder = null;
      button.textContent = word;
      for (const track of sound.getTracks()) track.stop();
      const wave = await asWave(await new Blob(parts).arrayBuffer());
      choose(form, input, new File([wave], "recording.wav", { type: "audio/wav" }));
    });
    recorder.start();
    button.textContent = button.dataset.stop ?? word;
    setTimeout(() => recorder?.stop(), LONGEST_MS);
  });
}

/**
 * @param {ArrayBuffer} encoded what the browser recorded, in whatever format it likes
 * @returns {Promise<Blob>} one channel of 16-bit samples
 */
async function asWave(encoded) {
  const context = new AudioContext();
  const sound = await context.decodeAudioData(encoded);
  await context.close();
  const samples = sound.getChannelData(0);
  const size = samples.length * RATE_BYTES;
  const view = new DataView(new ArrayBuffer(44 + size));
  const words = { 0: "RIFF", 8: "WAVE", 12: "fmt ", 36: "data" };
  for (const [place, word] of Object.entries(words)) {
    for (let i = 0; i < 4; i += 1) view.setUint8(Number(place) + i, word.charCodeAt(i));
  }
  view.setUint32(4, 36 + size, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sound.sampleRate, true);
  view.setUint32(28, sound.sampleRate * RATE_BYTES, true);
  view.setUint16(32, RATE_BYTES, true);
  view.setUint16(34, 16, true);
  view.setUint32(40, size, true);
  samples.forEach((value, i) => {
    const level = Math.max(-1, Math.min(1, value));
    view.setInt16(44 + i * RATE_BYTES, level * 32_767, true);
  });
  return new Blob([view], { type: "audio/wav" });
}
