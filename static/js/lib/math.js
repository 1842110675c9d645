// @ts-check

/**
 * Turn the TeX source inside `.math` elements into formulas. KaTeX is fetched only by pages that
 * have one. It builds elements instead of markup, so the page needs no inline style.
 * @param {ParentNode} root
 */
export async function startMath(root) {
  const nodes = [...root.querySelectorAll(".math:not(.is-rendered)")];
  if (nodes.length === 0) return;
  const { default: katex } = await import("katex");
  for (const node of nodes) {
    if (!(node instanceof HTMLElement)) continue;
    const source = node.textContent ?? "";
    katex.render(source, node, {
      displayMode: node.classList.contains("math-block"),
      throwOnError: false,
      maxExpand: 500,
      maxSize: 30,
      trust: false,
    });
    node.classList.add("is-rendered");
  }
}
