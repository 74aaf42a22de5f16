// Helpers for the page that every module uses.

export const byId = (id) => document.getElementById(id);

/** Makes an element; children are elements or text, never markup. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets text only where it differs, so that a screen reader and a selection are left alone. */
export function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

export function setData(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

/** Runs *change*, which makes the content of *element* anew; the element in it that had the focus, by data-keep, has it again.
 * What is just being pressed stays until it is let go: a click on a button that is replaced meanwhile would be lost. */
export function keepFocus(element, change) {
  if (element.matches(":active")) {
    addEventListener("pointerup", () => setTimeout(() => keepFocus(element, change)), { once: true });
    return;
  }
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined;
  change();
  if (key) [...element.querySelectorAll("[data-keep]")].find((found) => found.dataset.keep === key)?.focus();
}

let saying = 0;

/** Says a sentence to screen readers. */
export function announce(sentence) {
  const region = byId("announce");
  clearTimeout(saying);
  region.textContent = "";
  saying = setTimeout(() => {
    region.textContent = sentence;
  }, 60);
}
