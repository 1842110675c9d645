// @ts-check
// Pages of jobs without curves: their live part is fetched again while something in it goes on.
import { refreshParts } from "./jobs/live.js";

const EVERY_MS = 4000;

const timer = setInterval(async () => {
  if (isOver()) clearInterval(timer);
  else if (!document.hidden) await refreshParts();
}, EVERY_MS);

function isOver() {
  const part = document.querySelector("[data-final]");
  return !(part instanceof HTMLElement) || part.dataset.final !== "false";
}
