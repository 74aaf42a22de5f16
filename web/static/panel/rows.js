// Rows that show the essentials on a phone, and the rest on a tap.

import { el } from "./dom.js";

/** A cell with the button that opens the details of a row; *opened* keeps which rows are open, by *id*. */
export function rowToggle(id, opened, label, onToggle = () => {}) {
  const button = el("button", { type: "button", class: "toggle", "aria-expanded": String(opened.has(id)), "aria-label": label, "data-keep": `toggle ${id}` });
  button.addEventListener("click", () => {
    const isOpen = !opened.has(id);
    if (isOpen) opened.add(id);
    else opened.delete(id);
    button.setAttribute("aria-expanded", String(isOpen));
    const row = button.closest("tr");
    row.dataset.open = String(isOpen);
    onToggle(row, isOpen);
  });
  return el("td", { role: "cell", class: "key more-cell" }, button);
}
