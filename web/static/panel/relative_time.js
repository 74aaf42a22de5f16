// Ages that count up, by the server's clock.

import { ago } from "./format.js";

let ahead = 0; // milliseconds that the server's clock is ahead of this machine's
const ages = new Map();

/** Set the server's time. */
export function setNow(iso) {
  ahead = new Date(iso).getTime() - Date.now();
}

export const now = () => Date.now() + ahead;

/** Show text that depends on the time in the element: `text(now)` is called every second. */
export function tick(element, text) {
  ages.set(element, text);
  show(element, text);
}

/** How long ago *iso* was, in words. */
export const since = (iso) => ago((now() - new Date(iso).getTime()) / 1000);

function show(element, text) {
  const shown = text(now());
  if (element.textContent !== shown) element.textContent = shown;
}

setInterval(() => {
  for (const [element, text] of ages) {
    if (element.isConnected) show(element, text);
    else ages.delete(element);
  }
}, 1000);
