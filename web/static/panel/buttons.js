// The buttons: only what the present state allows can be pressed, and dangerous ones ask once.

import { byId } from "./dom.js";
import { isBusy, send } from "./commands.js";
import { askMode, bindMode, otherMode } from "./mode_dialog.js";
import { showOpen } from "./open_list.js";

const WHY_NOT = {
  start: "Only a stopped bot that is not killed can be started.",
  pause: "Only a running bot can be paused.",
  resume: "Only a paused bot can be resumed.",
  stop: "The bot is stopped already.",
  rearm: "Only a killed bot can be rearmed.",
  set_mode: "The mode can only be switched while the bot is stopped.",
};

let status = null;

export function bind(mayAct) {
  if (!mayAct) return;
  for (const button of document.querySelectorAll(".steer")) button.addEventListener("click", () => press(button));
  byId("kill").addEventListener("click", askKill);
  document.addEventListener("busy-changed", () => status && allow(status));
  byId("kill-dialog").addEventListener("close", killClosed);
  bindMode();
}

/** Enable what *now* allows. A disabled button keeps its place and the focus; it only does nothing. */
export function allow(now) {
  status = now;
  for (const button of document.querySelectorAll(".steer")) {
    const kind = button.dataset.command;
    const allowed = status.allowedCommands.includes(kind) && !isBusy(kind);
    button.setAttribute("aria-disabled", String(!allowed));
    const why = status.allowedCommands.includes(kind) ? "" : (WHY_NOT[kind] ?? "");
    if (button.title !== why) button.title = why;
  }
  const other = otherMode(status);
  const label = document.querySelector('[data-command="set_mode"] .label');
  const text = `Switch to ${other}…`;
  if (label.textContent !== text) label.textContent = text;
}

/** Press the button of *kind*, as a click does. */
export const pressKind = (kind) => press(document.querySelector(`.steer[data-command="${kind}"]`));

function press(button) {
  if (!button || button.disabled || button.getAttribute("aria-disabled") === "true") return;
  const kind = button.dataset.command;
  if (kind === "set_mode") askMode(status);
  else send(kind, {}, takeReason());
}

function takeReason() {
  const field = byId("reason");
  const reason = field.value.trim();
  field.value = "";
  return reason;
}

export function askKill() {
  byId("kill-reason").value = byId("reason").value;
  byId("kill-flatten").checked = false;
  byId("kill-dialog").showModal();
  showOpen("kill-open", () => true, false, "Kill still works.");
}

function killClosed() {
  const dialog = byId("kill-dialog");
  if (dialog.returnValue === "yes") {
    byId("reason").value = "";
    send("kill", byId("kill-flatten").checked ? { flatten: true } : {}, byId("kill-reason").value.trim());
  }
  dialog.returnValue = "";
}
