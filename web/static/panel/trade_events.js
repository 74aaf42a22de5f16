// The events of a trade: who changed what, from which value to which, and why.

import { get } from "./api.js";
import { byId, el, setText } from "./dom.js";
import { number, spaced, when, words } from "./format.js";
import { now } from "./relative_time.js";

let turn = 0;

/** Show the events of these trades, which are of one symbol. */
export async function ask(trades) {
  const mine = ++turn;
  setText("events-title", `What happened to ${trades.length > 1 ? "the trades" : "the trade"} of ${trades[0].symbol}`);
  byId("events-list").replaceChildren(el("p", {}, "Reading…"));
  byId("events-dialog").showModal();
  const parts = await Promise.all(trades.map(timeline));
  if (mine === turn) byId("events-list").replaceChildren(...parts.flat());
}

/** The events of one trade, the newest first, as elements. */
export async function timeline(trade) {
  const answer = await get(`/trades/${trade.id}/events?limit=100`);
  if (!answer.ok) return [el("p", { class: "loss" }, answer.body.error)];
  const { items, nextCursor } = answer.body;
  const shown = items.map((event) =>
    el(
      "li",
      {},
      el("p", {}, el("strong", {}, words(event.kind)), ` – ${when(event.at, now())} ET, by ${event.actor}${event.reason ? `: ${event.reason}` : ""}`),
      ...changes(event).map((text) => el("p", { class: "soft" }, text)),
    ),
  );
  const title = el("h3", {}, `${number(Math.abs(trade.shares))} ${trade.symbol}, entered ${when(trade.entryAt, now())} ET`);
  return [title, items.length ? el("ol", {}, ...shown) : el("p", {}, "No event is recorded."), nextCursor ? el("p", { class: "soft" }, "Older events are not shown.") : null].filter(Boolean);
}

/** What an event changed, as "name: old → new". */
export function changes({ before, after }) {
  return Object.keys({ ...before, ...after }).map((name) => `${spaced(name)}: ${text(before[name])} → ${text(after[name])}`);
}

function text(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "object") return Object.entries(value).map(([name, each]) => `${spaced(name)} ${text(each)}`).join(", ");
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return when(value, now());
  return String(value);
}
