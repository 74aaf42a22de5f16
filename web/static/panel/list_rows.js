// The rows of each list, and their details.

import { copyable } from "./copy.js";
import { el } from "./dom.js";
import { DIFFERENCES, command, count, duration, money, number, signedMoney, spaced, tradingDate, when, words } from "./format.js";
import { now } from "./relative_time.js";
import * as settlements from "./settle.js";
import { changes, timeline } from "./trade_events.js";
import { get } from "./api.js";

const at = (iso) => (iso ? when(iso, now()) : "");
const cell = (label, content, kind = "") => el("td", { role: "cell", "data-label": label, class: kind || null }, ...[content].flat());
const outcome = (word, text = words(word)) => el("span", { class: "outcome", "data-outcome": word }, text);
const earned = (value) => (value === null ? "" : el("span", { class: value < 0 ? "loss" : value > 0 ? "gain" : null }, signedMoney(value)));
const took = (item) => (item.finishedAt ? duration((new Date(item.finishedAt) - new Date(item.issuedAt)) / 1000) : "");
const verdict = ({ outcome: read, differences }) => (read === "failed" ? outcome("failed", "Failed") : differences.length ? outcome("differs", "Disagrees") : outcome("ok", "Agrees"));

/** A list of the known names and values; those in *copied* have a button that copies them. */
function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl", { class: "facts" }, ...known.map(([name, value, copied]) => el("div", {}, el("dt", {}, name), el("dd", {}, copied ? copyable(String(value)) : value))));
}

// -- commands -------------------------------------------------------------------------------------------------

const commands = {
  id: (item) => item.id,
  name: (item) => command(item.kind, item.params),
  cells: (item, { before }) => [
    cell("Time (ET)", at(item.issuedAt), "nowrap key"),
    cell("Command", [command(item.kind, item.params, before.get(item.id)), settlements.ofCommand(item)].filter(Boolean), "text key grows"),
    cell("Outcome", outcome(item.status), "nowrap key"),
    cell("State", item.toState && item.fromState !== item.toState ? `${item.fromState} → ${item.toState}` : (item.toState ?? item.fromState ?? ""), "nowrap"),
    cell("Actor", item.actor),
    cell("Source", item.source),
    cell("Reason or error", [item.reason, item.error].filter(Boolean).join(" – "), "text"),
    cell("Took", took(item), "number"),
  ],
  async details(item, { before }) {
    const old = before.get(item.id) ?? {};
    const asked = Object.entries(item.params).map(([name, value]) => [spaced(name), name in old ? `${old[name]} → ${value}` : typeof value === "object" ? JSON.stringify(value) : String(value)]);
    const parts = [
      facts([
        ["Id", item.id, true],
        ["Number in the log", item.seq],
        ["Revision", item.revision],
        ...asked,
        ["Issued", `${at(item.issuedAt)} ET`],
        ["Finished", item.finishedAt && `${at(item.finishedAt)} ET`],
        ["Would have expired", item.expiresAt && `${at(item.expiresAt)} ET`],
        ["Error code", item.errorCode],
      ]),
    ];
    if (item.kind === "settle" && item.status === "applied" && item.params.tradeId) {
      const answer = await get(`/trades/${item.params.tradeId}/events?limit=200`);
      const made = answer.ok ? answer.body.items.filter((event) => event.commandId === item.id) : [];
      if (made.length) parts.push(el("p", {}, "What it changed:"), el("ul", {}, ...made.flatMap(changes).map((text) => el("li", {}, text))));
    }
    return parts;
  },
};

// -- trades ---------------------------------------------------------------------------------------------------

const trades = {
  id: (item) => item.id,
  name: (item) => `the trade of ${item.symbol}`,
  cells: (item) => [
    cell("Entry (ET)", at(item.entryAt), "nowrap key"),
    cell("Symbol", el("strong", {}, item.symbol), "key"),
    cell("Status", words(item.status), "key"),
    cell("Shares", number(item.shares), "number"),
    cell("Entry", money(item.entryPrice), "number"),
    cell("Exit", item.exitPrice === null ? "" : money(item.exitPrice), "number"),
    cell("P&L", earned(item.pnl), "number key end"),
    cell("Exit reason", [words(item.exitReason), item.note].filter(Boolean).join(" – ")),
    cell("Catalyst", [words(item.catalystType), item.catalystTier && `tier ${item.catalystTier}`].filter(Boolean).join(", ")),
    cell("Held", item.exitAt ? duration((new Date(item.exitAt) - new Date(item.entryAt)) / 1000) : "", "number"),
    cell("Settle", settlements.ofTrade(item) ?? "", "number"),
  ],
  async details(item) {
    return [
      facts([
        ["Id", item.id, true],
        ["Mode", item.mode],
        ["Filled", item.filled ? null : "not known yet"],
        ["Exited", item.exitedShares && item.status === "open" ? `${number(item.exitedShares)} of ${number(item.shares)}` : null],
        ["Entry order", item.alpacaOrderId, true],
        ["Exit order", item.alpacaExitOrderId, true],
        ["Exit", item.exitAt && `${at(item.exitAt)} ET`],
        ["Adjusted", item.adjustedAt && `${at(item.adjustedAt)} ET`],
        ["Acknowledged", item.acknowledgedAt && `${at(item.acknowledgedAt)} ET`],
      ]),
      ...(await timeline(item)).slice(1),
    ];
  },
};

// -- days, alerts, reports ------------------------------------------------------------------------------------

const days = {
  id: (item) => `${item.date} ${item.mode}`,
  name: (item) => item.date,
  cells: (item) => [
    cell("Date", `${tradingDate(item.date)}, ${item.date.slice(0, 4)}`, "nowrap key"),
    cell("Mode", item.mode, "key"),
    cell("P&L", earned(item.realizedPnl), "number key end"),
    cell("Trades", number(item.tradeCount), "number"),
    cell("Day trades", number(item.dayTradeCount), "number"),
  ],
  details: async (item) => {
    const button = el("button", { type: "button", class: "button quiet small" }, "Trades of this day");
    button.addEventListener("click", () => document.dispatchEvent(new CustomEvent("show-trades", { detail: { since: item.date, until: item.date, mode: item.mode } })));
    return [
      facts([
        ["A trade, on average", item.tradeCount ? signedMoney(item.realizedPnl / item.tradeCount) : null],
        ["Last change", `${at(item.updatedAt)} ET`],
      ]),
      button,
    ];
  },
};

const alerts = {
  id: (item) => item.id,
  name: (item) => words(item.kind),
  cells: (item) => [
    cell("Time (ET)", at(item.createdAt), "nowrap key"),
    cell("How urgent", el("span", { class: "severity", "data-severity": item.severity }, item.severity), "nowrap key"),
    cell("What", item.text, "text key grows"),
    cell("State", item.acknowledgedAt ? `seen by ${item.acknowledgedBy}` : item.resolvedAt ? `over since ${at(item.resolvedAt)}` : item.severity === "info" ? "" : "not acknowledged"),
    cell("Told outside", words(item.delivery)),
  ],
  details: async (item) => [
    el("p", {}, item.text),
    facts([
      ["Id", item.id, true],
      ["Kind", words(item.kind)],
      ["Acknowledged", item.acknowledgedAt && `${at(item.acknowledgedAt)} ET, by ${item.acknowledgedBy}`],
      ["Over since", item.resolvedAt && `${at(item.resolvedAt)} ET`],
      ["Why it was not delivered", item.error],
    ]),
  ],
};

const reconciliations = {
  id: (item) => String(item.id),
  name: (item) => `report ${item.id}`,
  cells: (item) => [
    cell("Finished (ET)", at(item.finishedAt), "nowrap key"),
    cell("Trigger", words(item.trigger), "key grows"),
    cell("Mode", item.mode),
    cell("Outcome", verdict(item), "nowrap key"),
    cell("Open here", count(item.openTrades), "number"),
    cell("At Alpaca", count(item.brokerPositions), "number"),
    cell("Matched", count(item.matched), "number"),
    cell("Missed", count(item.missed), "number"),
    cell("In flight", count(item.inFlight), "number"),
    cell("What changed", changed(item)),
    cell("What disagreed", item.error ?? (item.differences.map((found) => `${found.symbol}: ${DIFFERENCES[found.kind] ?? found.kind}, ${found.here} here, ${found.there} at Alpaca`).join("; ") || (item.outcome === "ok" ? "nothing" : "")), "text"),
  ],
  details: async (item) => [
    facts([
      ["Number", item.id],
      ["Command", item.commandId, true],
      ["Took", duration((new Date(item.finishedAt) - new Date(item.startedAt)) / 1000)],
      ["Requests to Alpaca", item.requests],
      ["Account", item.accountId, true],
      ["Error code", item.errorCode],
    ]),
  ],
};

/** What a reconciliation changed in the books, and which trades are suspect. */
function changed(report) {
  const told = { booked: "exits booked", corrected: "entries corrected", voided: "made void", suspect: "suspect" };
  return Object.entries(told)
    .filter(([name]) => report[name])
    .map(([name, text]) => `${count(report[name])} ${text}`)
    .join(", ");
}

export const LISTS = { commands, "trades-list": trades, days, alerts, reconciliations };
