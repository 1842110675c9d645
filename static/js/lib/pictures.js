// @ts-check
// Pictures pasted or dropped into a box to write in: sent, and their Markdown put where they were.
// A page that keeps pictures of its own says so with `data-pictures` and is left alone.

/** @param {Document} page */
export function startPictures(page) {
  const words = page.getElementById("suggest-words")?.dataset;
  if (!words) return;
  page.addEventListener("paste", (event) => take(event, event.clipboardData, words));
  page.addEventListener("drop", (event) => take(event, event.dataTransfer, words));
  page.addEventListener("dragover", (event) => {
    if (boxOf(event) && event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
}

/** @param {Event} event */
function boxOf(event) {
  const box = event.target;
  const isOurs = box instanceof HTMLTextAreaElement && "suggest" in box.dataset;
  return isOurs && !box.closest("[data-pictures]") ? box : null;
}

/**
 * @param {Event} event
 * @param {DataTransfer | null} data
 * @param {DOMStringMap} words
 */
function take(event, data, words) {
  const box = boxOf(event);
  const files = [...(data?.files ?? [])].filter((file) => file.type.startsWith("image/"));
  if (!box || files.length === 0) return;
  event.preventDefault();
  for (const file of files) send(box, file, words);
}

/**
 * @param {HTMLTextAreaElement} box
 * @param {File} file
 * @param {DOMStringMap} words
 */
async function send(box, file, words) {
  // A place to come back to: people go on typing while the picture is under way.
  const place = `![${words.uploading} ${Math.random().toString(36).slice(2, 8)}]()\n`;
  box.setRangeText(place, box.selectionStart, box.selectionEnd, "end");
  const data = new FormData();
  data.append("picture", file);
  try {
    const answer = await fetch("/pictures", {
      method: "POST",
      headers: { Accept: "application/json" },
      body: data,
    });
    const body = await answer.json();
    put(box, place, answer.ok ? `${body.markdown}\n` : "");
    say(box, answer.ok ? "" : [body.error, body.fix].filter(Boolean).join(" "));
  } catch {
    put(box, place, "");
    say(box, words.refused ?? "");
  }
}

/**
 * @param {HTMLTextAreaElement} box
 * @param {string} place
 * @param {string} text
 */
function put(box, place, text) {
  const at = box.value.indexOf(place);
  if (at >= 0) box.setRangeText(text, at, at + place.length, "preserve");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

/**
 * @param {HTMLTextAreaElement} box
 * @param {string} text
 */
function say(box, text) {
  let line = box.parentElement?.querySelector(".picture-said");
  if (!line) {
    line = document.createElement("p");
    line.className = "picture-said field-error";
    line.setAttribute("role", "alert");
    box.after(line);
  }
  line.textContent = text;
}
