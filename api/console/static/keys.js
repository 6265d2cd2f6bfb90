// One key for each thing that people do all night.

/**
 * Listen for keys.
 *
 * @param {Record<string, () => void>} actions by key; letters in small
 */
export function listenForKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]")) return; // it has its own Enter and Escape
    const target = event.target;
    const typing = [HTMLInputElement, HTMLTextAreaElement, HTMLSelectElement].some((kind) => target instanceof kind);
    if (typing && event.key !== "Escape") return;
    // Enter on a button or a link presses it.
    if (event.key === "Enter" && target.closest("button, a, summary")) return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}
