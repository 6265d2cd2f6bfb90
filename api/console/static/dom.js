// Building elements, without any HTML from texts: what an attacker writes into a name stays a name.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (`class`, `role`, `data-*` ...) and children (elements, texts; null is left out). */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

// One shape for each severity, so that colour is never needed to tell them apart.
const SHAPES = {
  critical: ["M7 1h10l6 6v10l-6 6H7l-6-6V7z", "M12 6v7M12 17v1"],
  alarm: ["M12 2l11 20H1z", "M12 9v6M12 18.4v.6"],
  warning: ["M12 1.5L22.5 12 12 22.5 1.5 12z", "M12 7v6M12 16v.8"],
  normal: ["M12 2a10 10 0 100 20 10 10 0 000-20z", "M7.5 12.5l3 3 6-6.5"],
};

/** The shape of a severity, for the eye only: its word stands beside it. */
export function shape(severity) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "shape");
  svg.setAttribute("aria-hidden", "true");
  for (const [index, path] of SHAPES[severity].entries()) {
    const node = document.createElementNS(SVG, "path");
    node.setAttribute("d", path);
    node.setAttribute("class", index === 0 ? "shape-body" : "shape-mark");
    svg.append(node);
  }
  return svg;
}

export const byId = (id) => document.getElementById(id);

/** Replace the children of `node` with `children` only if the text differs: a live region must not repeat itself. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
