// The commands that wait for a second person: approve one, reject it, or withdraw one's own.

import { call, get } from "./api.js";
import { announce, byId, el, keepFocus } from "./dom.js";
import { command as commandText, time } from "./format.js";
import { current as thresholds } from "./thresholds.js";

const MOST = 20;

let actor = "";
let readAgain = () => undefined;
let asked = false;
let may = false;
let shown = "[]";
const errors = new Map(); // what went wrong with an answer, by the command's id

/** *approvals* says whether any command has to be approved, and whether this user may; *again* asks for another read, which no
 * earlier one can overtake. */
export function bind(name, approvals, again) {
  ({ asked, may } = approvals);
  actor = name;
  readAgain = again;
}

/** Read what waits. Resolves with whether it could be read. */
export async function read() {
  if (!asked) return true;
  const answer = await get(`/commands?status=awaiting_approval&limit=${MOST}`);
  if (answer.ok) show(answer.body.items);
  return answer.ok;
}

function show(items) {
  const text = JSON.stringify([items, [...errors], thresholds()]);
  if (text === shown) return;
  shown = text;
  const banner = byId("approvals");
  keepFocus(banner, () => banner.replaceChildren(...items.map(line)));
  banner.hidden = !items.length;
}

function line(item) {
  const name = commandText(item.kind, item.params, thresholds() ?? {});
  const own = item.actor === actor;
  const said = own ? `You asked for “${name}”.` : `${item.actor} asks for “${name}”.`;
  const rest = ` ${item.reason ? `${item.reason}. ` : ""}${own ? "Another operator has to approve it" : "It waits"} until ${time(item.expiresAt)} ET.`;
  const acts = el("span", { class: "banner-acts" });
  if (may && !own) acts.append(button("Approve", "approval", item, name));
  if (may) acts.append(button(own ? "Withdraw" : "Reject", "rejection", item, name));
  const error = errors.get(item.id);
  return el("p", {}, el("strong", {}, said), rest, error ? el("span", { class: "field-error" }, ` ${error}`) : null, " ", acts);
}

function button(word, answer, item, name) {
  const made = el("button", { type: "button", class: "button quiet", "data-keep": `${answer} ${item.id}`, "aria-label": `${word} “${name}” of ${item.actor}` }, word);
  made.addEventListener("click", () => answerWith(answer, item, `${name}: `));
  return made;
}

async function answerWith(way, item, name) {
  const answer = await call("POST", `/commands/${item.id}/${way}`);
  if (answer.ok) errors.delete(item.id);
  else errors.set(item.id, answer.body.error);
  announce(name + (answer.ok ? (way === "approval" ? "approved." : "rejected.") : answer.body.error));
  readAgain();
}
