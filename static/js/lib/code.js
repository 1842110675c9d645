// @ts-check

/**
 * Give blocks of code in texts a copy button, and neighbours that belong together tabs. Without a
 * script the blocks stand one below the other, each under its name.
 * @param {Document} page
 */
export function startCode(page) {
  const sample = page.getElementById("code-copy");
  for (const pre of page.querySelectorAll(".prose pre.highlight")) {
    if (!(sample instanceof HTMLTemplateElement)) break;
    const button = sample.content.firstElementChild?.cloneNode(true);
    if (!(button instanceof HTMLElement)) break;
    button.dataset.copy = pre.textContent?.trimEnd() ?? "";
    const box = page.createElement("div");
    box.className = "copyable";
    pre.replaceWith(box);
    box.append(pre, button);
  }
  // A long table of contents would stand in front of the text on a phone.
  for (const contents of page.querySelectorAll("details[data-close-below]")) {
    if (contents instanceof HTMLDetailsElement) {
      contents.open = window.innerWidth > Number(contents.dataset.closeBelow);
    }
  }
  for (const tabs of page.querySelectorAll(".prose .code-tabs")) startTabs(page, tabs);
}

/**
 * @param {Document} page
 * @param {Element} box
 */
function startTabs(page, box) {
  const panels = [...box.querySelectorAll(".code-tab")];
  const list = page.createElement("div");
  list.className = "code-tab-list";
  list.setAttribute("role", "tablist");
  const buttons = panels.map((panel, index) => {
    const button = page.createElement("button");
    button.type = "button";
    button.setAttribute("role", "tab");
    button.textContent = panel.querySelector(".code-tab-name")?.textContent ?? String(index + 1);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-label", button.textContent);
    button.addEventListener("click", () => show(index));
    list.append(button);
    return button;
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = buttons.findIndex((button) => button.ariaSelected === "true");
    const next = (at + step + buttons.length) % buttons.length;
    show(next);
    buttons[next].focus();
  });
  box.prepend(list);
  box.classList.add("is-tabbed");
  show(0);

  /** @param {number} chosen */
  function show(chosen) {
    panels.forEach((panel, index) => panel.toggleAttribute("hidden", index !== chosen));
    buttons.forEach((button, index) => {
      button.ariaSelected = String(index === chosen);
      button.tabIndex = index === chosen ? 0 : -1;
    });
  }
}
