// @ts-check
// The list of jobs: its rows are fetched again while one of them is alive.
import { refreshParts } from "./jobs/live.js";

const EVERY_MS = 4000;

const timer = setInterval(async () => {
  if (document.getElementById("job-list")?.dataset.final !== "false") clearInterval(timer);
  else if (!document.hidden) await refreshParts();
}, EVERY_MS);
