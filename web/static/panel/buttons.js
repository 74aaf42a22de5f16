// The buttons: only what the present state allows can be pressed, and dangerous ones ask once.

import { byId } from "./dom.js";
import { isBusy, send } from "./commands.js";

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
  byId("mode-typed").addEventListener("input", judgeTyped);
  document.addEventListener("busy-changed", () => status && allow(status));
  for (const dialog of [byId("kill-dialog"), byId("mode-dialog")]) {
    dialog.addEventListener("close", () => closed(dialog));
  }
  byId("mode-dialog").querySelector("form").addEventListener("submit", (event) => {
    if (event.submitter?.value === "yes" && !isConfirmed()) event.preventDefault();
  });
}

/** Allow what *now* allows. A button stays where it is and keeps the focus; it only stops acting. */
export function allow(now) {
  status = now;
  for (const button of document.querySelectorAll(".steer")) {
    const kind = button.dataset.command;
    const allowed = status.allowedCommands.includes(kind) && !isBusy(kind);
    button.setAttribute("aria-disabled", String(!allowed));
    const why = status.allowedCommands.includes(kind) ? "" : (WHY_NOT[kind] ?? "");
    if (button.title !== why) button.title = why;
  }
  const other = otherMode();
  const label = document.querySelector('[data-command="set_mode"] .label');
  const text = `Switch to ${other}…`;
  if (label.textContent !== text) label.textContent = text;
}

function press(button) {
  if (button.getAttribute("aria-disabled") === "true") return;
  const kind = button.dataset.command;
  if (kind === "set_mode") askMode();
  else send(kind, {}, takeReason());
}

function takeReason() {
  const field = byId("reason");
  const reason = field.value.trim();
  field.value = "";
  return reason;
}

function askKill() {
  byId("kill-reason").value = byId("reason").value;
  byId("kill-dialog").showModal();
}

function askMode() {
  const live = otherMode() === "live";
  byId("mode-title").textContent = live ? "Switch to LIVE money?" : "Switch to paper money?";
  byId("mode-text").textContent = live
    ? "From then on the bot acts on the live account, with real money. It stays stopped; signals are accepted only after a start and a reconciliation with that account."
    : "From then on the bot acts on the paper account. It stays stopped.";
  byId("mode-confirm").hidden = !live;
  byId("mode-typed").value = "";
  byId("mode-reason").value = byId("reason").value;
  byId("mode-yes").textContent = live ? "Switch to live" : "Switch to paper";
  byId("mode-yes").classList.toggle("live", live);
  byId("mode-yes").classList.toggle("primary", !live);
  byId("mode-dialog").dataset.target = otherMode();
  judgeTyped();
  byId("mode-dialog").showModal();
  if (live) byId("mode-typed").focus();
}

const otherMode = () => (status?.mode === "live" ? "paper" : "live");
const isConfirmed = () => byId("mode-dialog").dataset.target !== "live" || byId("mode-typed").value.trim() === "live";

function judgeTyped() {
  byId("mode-yes").disabled = !isConfirmed();
}

function closed(dialog) {
  if (dialog.returnValue === "yes") {
    const field = dialog.querySelector("input[id$=-reason]");
    byId("reason").value = "";
    if (dialog.id === "kill-dialog") send("kill", {}, field.value.trim());
    else send("set_mode", { mode: dialog.dataset.target }, field.value.trim());
  }
  dialog.returnValue = "";
}
