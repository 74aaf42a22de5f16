// The dialog before a mode switch. It names what prevents the switch before anything can be confirmed.

import { get } from "./api.js";
import { send } from "./commands.js";
import { byId, el, setText } from "./dom.js";

/** How long the check of both accounts may take, in milliseconds. */
const PATIENCE_MS = 12_000;

const dialog = byId("mode-dialog");
let target = "live";
let blockers = null; // null while they are not known
let turn = 0;

export const otherMode = (status) => (status?.mode === "live" ? "paper" : "live");

export function bindMode() {
  byId("mode-typed").addEventListener("input", judge);
  byId("mode-again").addEventListener("click", look);
  dialog.querySelector("form").addEventListener("submit", (event) => {
    if (event.submitter?.value === "yes" && !isConfirmed()) event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    turn += 1;
    if (dialog.returnValue === "yes") {
      byId("reason").value = "";
      send("set_mode", { mode: target }, byId("mode-reason").value.trim());
    }
    dialog.returnValue = "";
  });
}

export function askMode(status) {
  target = otherMode(status);
  const live = target === "live";
  setText("mode-title", live ? "Switch to LIVE money?" : "Switch to paper money?");
  setText(
    "mode-text",
    live
      ? "From then on the bot acts on the live account, with real money. It stays stopped; signals are accepted only after a start and a reconciliation with that account."
      : "From then on the bot acts on the paper account. It stays stopped.",
  );
  byId("mode-confirm").hidden = !live;
  byId("mode-typed").value = "";
  byId("mode-reason").value = byId("reason").value;
  byId("mode-yes").textContent = live ? "Switch to live" : "Switch to paper";
  byId("mode-yes").classList.toggle("live", live);
  byId("mode-yes").classList.toggle("primary", !live);
  dialog.showModal();
  look();
}

/** Ask what prevents the switch; both accounts are read, which may take seconds. */
async function look() {
  const mine = ++turn;
  blockers = null;
  show(el("p", {}, "Checking both accounts…"));
  const answer = await get(`/mode?target=${target}`, PATIENCE_MS);
  if (mine !== turn) return;
  if (answer.ok) {
    blockers = answer.body.blockers;
    if (blockers.length) {
      show(el("p", {}, el("strong", {}, "This prevents the switch:")), el("ul", {}, ...blockers.map(({ error }) => el("li", {}, error))));
    } else {
      show(el("p", {}, "Nothing prevents the switch: the bot is stopped and both accounts are flat."));
    }
  } else {
    // the switch itself checks again
    blockers = [];
    show(el("p", {}, `This could not be checked: ${answer.body.error} The switch itself checks again.`));
  }
  if (target === "live" && !blockers.length) byId("mode-typed").focus();
}

function show(...parts) {
  byId("mode-blockers").replaceChildren(...parts);
  judge();
}

const isConfirmed = () => blockers !== null && !blockers.length && (target !== "live" || byId("mode-typed").value.trim() === "live");

function judge() {
  const isBlocked = Boolean(blockers?.length);
  byId("mode-blockers").dataset.blocked = String(isBlocked);
  byId("mode-again").hidden = !isBlocked;
  byId("mode-typed").disabled = isBlocked;
  byId("mode-yes").disabled = !isConfirmed();
}
