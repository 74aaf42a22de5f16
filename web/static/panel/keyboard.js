// Shortcuts, with a sheet that lists them. No single key kills, flattens or goes live: those open a dialog.

import { byId } from "./dom.js";

/** Keys that may be meant for the focused element. */
const TAKES_KEYS = "input, select, textarea, [contenteditable]";
/** How long the next key may take after `g`, in milliseconds. */
const PATIENCE_MS = 3000;
const OFF = "pitboss-keys-off";

/** *actions* by key; those under `g` come after it. */
export function bind(actions, tabs) {
  let wentAt = 0;
  document.addEventListener("keydown", (event) => {
    if (!byId("keys-on").checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (isTyped(event.target) || document.querySelector("dialog[open]")) return;
    // by the time of the press: a busy page sees it later
    const isGoing = wentAt > 0 && event.timeStamp - wentAt < PATIENCE_MS;
    wentAt = 0;
    const act = isGoing ? tabs[event.key] : actions[event.key];
    if (event.key === "g" && !isGoing) wentAt = event.timeStamp;
    if (!act) return;
    event.preventDefault();
    act();
  });
  byId("keys-on").checked = localStorage.getItem(OFF) === null;
  byId("keys-on").addEventListener("change", (event) => (event.target.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "yes")));
  byId("help").addEventListener("click", show);
}

/** Whether a key was meant for the field that it went to. One of a dialog that was just closed keeps the focus until the next frame. */
function isTyped(target) {
  const field = target.closest?.(TAKES_KEYS);
  return Boolean(field) && !field.closest("dialog:not([open])");
}

export const show = () => byId("keys-dialog").showModal();
