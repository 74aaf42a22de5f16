// The lists: command log, trades and reconciliation reports, with filters and older pages.

import { now } from "./relative_time.js";
import { get } from "./api.js";
import { byId, el } from "./dom.js";
import * as settlements from "./settle.js";
import { DIFFERENCES, command, count, duration, money, number, signedMoney, when, words } from "./format.js";

const PAGE = 25;

const cell = (label, content, kind = "") => el("td", { role: "cell", "data-label": label, class: kind || null }, ...[content].flat());
const outcome = (word, text = words(word)) => el("span", { class: "outcome", "data-outcome": word }, text);
const row = (id, ...cells) => el("tr", { role: "row", "data-id": id }, ...cells);
const verdict = ({ outcome: read, differences }) => (read === "failed" ? outcome("failed", "Failed") : differences.length ? outcome("differs", "Disagrees") : outcome("ok", "Agrees"));
const at = (iso) => (iso ? when(iso, now()) : "");

const ROWS = {
  commands: (item) =>
    row(
      item.id,
      cell("Time (ET)", at(item.issuedAt), "nowrap"),
      cell("Command", [command(item.kind, item.params), settlements.ofCommand(item)].filter(Boolean), "text"),
      cell("Outcome", outcome(item.status), "nowrap"),
      cell("State", item.toState && item.fromState !== item.toState ? `${item.fromState} → ${item.toState}` : (item.toState ?? item.fromState ?? ""), "nowrap"),
      cell("Actor", item.actor),
      cell("Source", item.source),
      cell("Reason or error", [item.reason, item.error].filter(Boolean).join(" – "), "text"),
      cell("Took", item.finishedAt ? duration((new Date(item.finishedAt) - new Date(item.issuedAt)) / 1000) : "", "number"),
    ),
  "trades-list": (item) =>
    row(
      item.id,
      cell("Entry (ET)", at(item.entryAt), "nowrap"),
      cell("Symbol", el("strong", {}, item.symbol)),
      cell("Status", words(item.status)),
      cell("Shares", number(item.shares), "number"),
      cell("Entry", money(item.entryPrice), "number"),
      cell("Exit", item.exitPrice === null ? "" : money(item.exitPrice), "number"),
      cell("P&L", item.pnl === null ? "" : el("span", { class: item.pnl < 0 ? "loss" : "gain" }, signedMoney(item.pnl)), "number"),
      cell("Exit reason", [words(item.exitReason), item.note].filter(Boolean).join(" – ")),
      cell("Catalyst", [words(item.catalystType), item.catalystTier && `tier ${item.catalystTier}`].filter(Boolean).join(", ")),
      cell("Held", item.exitAt ? duration((new Date(item.exitAt) - new Date(item.entryAt)) / 1000) : "", "number"),
      cell("Settle", settlements.ofTrade(item) ?? "", "number"),
    ),
  reconciliations: (item) =>
    row(
      String(item.id),
      cell("Finished (ET)", at(item.finishedAt), "nowrap"),
      cell("Trigger", words(item.trigger)),
      cell("Mode", item.mode),
      cell("Outcome", verdict(item), "nowrap"),
      cell("Open here", count(item.openTrades), "number"),
      cell("At Alpaca", count(item.brokerPositions), "number"),
      cell("Matched", count(item.matched), "number"),
      cell("Missed", count(item.missed), "number"),
      cell("In flight", count(item.inFlight), "number"),
      cell("What changed", changes(item)),
      cell("What disagreed", item.error ?? (item.differences.map((found) => `${found.symbol}: ${DIFFERENCES[found.kind] ?? found.kind}, ${found.here} here, ${found.there} at Alpaca`).join("; ") || (item.outcome === "ok" ? "nothing" : "")), "text"),
    ),
};

/** What a reconciliation changed in the books, and what it suspects. */
function changes(report) {
  const told = { booked: "exits booked", corrected: "entries corrected", voided: "made void", suspect: "suspect" };
  return Object.entries(told)
    .filter(([name]) => report[name])
    .map(([name, text]) => `${count(report[name])} ${text}`)
    .join(", ");
}

const lists = new Map();

class List {
  constructor(panel) {
    this.panel = panel;
    this.body = panel.querySelector("tbody");
    this.more = panel.querySelector(".more button");
    this.shownText = panel.querySelector(".shown");
    this.form = panel.querySelector(".filters");
    this.pages = 1;
    this.turn = 0;
    // a table that is laid out as cards would lose its roles
    for (const [selector, role] of [["table", "table"], ["thead, tbody", "rowgroup"], ["thead tr", "row"], ["th", "columnheader"]]) {
      for (const element of panel.querySelectorAll(selector)) element.setAttribute("role", role);
    }
    this.form.addEventListener("change", () => this.filter());
    this.form.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.filter(), 300);
    });
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.more.addEventListener("click", () => {
      this.pages += 1;
      this.load();
    });
  }

  filter() {
    this.pages = 1;
    this.load();
  }

  /** Resolves with whether it was read, or need not be read again. */
  async load() {
    const turn = ++this.turn;
    const wanted = new URLSearchParams([...new FormData(this.form)].filter(([, value]) => value.trim()).map(([name, value]) => [name, value.trim()]));
    const items = [];
    let cursor = null;
    for (let page = 0; page < this.pages; page += 1) {
      const query = new URLSearchParams(wanted);
      query.set("limit", PAGE);
      if (cursor) query.set("cursor", cursor);
      const answer = await get(`${this.panel.dataset.list}?${query}`);
      if (turn !== this.turn) return true; // a later filter has overtaken this one
      if (!answer.ok) {
        this.shownText.textContent = answer.body.error ?? "It could not be read.";
        return answer.status >= 400 && answer.status < 500; // it would be refused again
      }
      items.push(...answer.body.items);
      cursor = answer.body.nextCursor;
      if (!cursor) break;
    }
    const make = ROWS[this.panel.id];
    const columns = this.panel.querySelectorAll("thead th").length;
    const rows = items.map(make);
    if (!rows.length) rows.push(el("tr", { role: "row" }, el("td", { role: "cell", colspan: columns, class: "none" }, wanted.size ? "Nothing matches." : "Nothing yet.")));
    this.body.replaceChildren(...rows);
    this.shownText.textContent = items.length ? `${items.length} shown, the newest first` : "";
    this.more.hidden = !cursor;
    return true;
  }
}

export function bind() {
  for (const panel of document.querySelectorAll("[data-list]")) lists.set(panel.id, new List(panel));
}

/** Read the list anew if it is the one that is shown. */
export function refresh(id) {
  const list = lists.get(id);
  return list && !byId(id).hidden ? list.load() : Promise.resolve(true);
}

/** Resolves with whether what is shown could be read. */
export async function refreshShown() {
  return (await Promise.all([...lists.keys()].map(refresh))).every(Boolean);
}
