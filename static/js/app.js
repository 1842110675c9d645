// @ts-check
// What every page has: swaps without reload, menus, copy buttons, keys, formulas, theme.
import htmx from "htmx.org";
import { startBell } from "./lib/bell.js";
import { startCode } from "./lib/code.js";
import { startCopyButtons } from "./lib/copy.js";
import { startKeys } from "./lib/keys.js";
import { startMath } from "./lib/math.js";
import { startMenus } from "./lib/menus.js";
import { startPictures } from "./lib/pictures.js";
import { startReferences } from "./lib/references.js";
import { startSuggestions } from "./lib/suggest.js";
import { startTrying } from "./lib/trying.js";

// The page says in a meta element what htmx may do; set here too, so no page can forget it.
htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.selfRequestsOnly = true;

startMenus(document);
startBell(document);
startCopyButtons(document);
startCode(document);
startKeys(document);
startMath(document);
startPictures(document);
startReferences(document);
startSuggestions(document);
startTrying(document);
document.addEventListener("parts:fresh", (event) => {
  if (event instanceof CustomEvent) htmx.process(event.detail);
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (!(event.target instanceof Element)) return;
  startMath(event.target);
  startReferences(event.target);
});
