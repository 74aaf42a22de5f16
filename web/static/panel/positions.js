// The open positions, their value and the account, from the last reading of the broker, beside the books.

import { get } from "./api.js";
import { byId, el, keepFocus, setData, setText } from "./dom.js";
import { DIFFERENCES, ago, duration, money, number, percent, signedMoney, words } from "./format.js";
import { now, tick } from "./relative_time.js";
import { rowToggle } from "./rows.js";
import * as settlements from "./settle.js";

/** Prices older than this are marked as old, in milliseconds: three readings are missing. */
const OLD_MS = 180_000;
const ALPACA = "https://app.alpaca.markets/trade/";

let data = { readAt: null, items: [], trades: new Map() };
let account = { readAt: null, blocks: [] };
let around = { status: null, config: null };
let act = null;
const opened = new Set(); // symbols whose details are shown on a phone

/** *actions*: `close(position)`, `correct(trade)`, `events(trade)`; without `mayAct` only the last is offered. */
export function bind(mayAct, actions) {
  act = { mayAct, ...actions };
}

function showAge() {
  tick(byId("reading-age"), (at) => {
    const age = data.readAt ? at - new Date(data.readAt).getTime() : null;
    setData(byId("positions-card"), "old", String(age === null || age > OLD_MS));
    return age === null ? "the broker was not read yet" : `prices read ${ago(age / 1000)}`;
  });
}

/** Read positions, their trades and the account again. Resolves with whether they could be read. */
export async function read() {
  const answers = await Promise.all(["/positions", "/account", "/trades?status=open&limit=200"].map((path) => get(path)));
  if (!answers.every((answer) => answer.ok)) return false;
  const [positions, said, trades] = answers.map((answer) => answer.body);
  data = { ...positions, trades: new Map(trades.items.map((trade) => [trade.id, trade])) };
  account = said;
  draw();
  return true;
}

/** The open positions by symbol, for dialogs and warnings. */
export const held = () => data.items.map((item) => ({ ...item, shares: item.brokerShares ?? item.bookShares })).filter((item) => item.shares);
export const readAt = () => data.readAt;

/** The state and the thresholds that decide how the rows are shown. */
export function show(status, config) {
  around = { status, config };
  draw();
}

function draw() {
  showAge();
  showAccount();
  const rows = data.items.map(position);
  setText("positions-none", rows.length ? "" : data.readAt ? "Nothing is open." : "Nothing is known to be open.");
  byId("positions-table").hidden = !rows.length;
  const body = byId("positions-rows");
  const text = JSON.stringify([rows, around.status?.reconciliation?.differences, around.status?.mode, around.status?.sandbox, around.config?.maxHoldDurationSec]);
  if (body.dataset.shown === text) return;
  body.dataset.shown = text;
  keepFocus(body, () => body.replaceChildren(...rows.map(row)));
}

// -- the account ----------------------------------------------------------------------------------------------

function showAccount() {
  const { equity, dayChange, lastEquity, buyingPower, blocks } = account;
  const open = data.items.reduce((sum, item) => (item.openPnl === null ? sum : sum + item.openPnl), 0);
  figure("equity", equity === null || equity === undefined ? "–" : money(equity));
  figure("day-change", known(dayChange) ? `${signedMoney(dayChange)}${lastEquity ? ` (${percent(dayChange / lastEquity)})` : ""}` : "–", dayChange);
  figure("open-pnl", data.items.some((item) => item.openPnl !== null) ? signedMoney(open) : data.readAt ? money(0) : "–", open);
  figure("realized", around.status ? signedMoney(around.status.todayRealizedPnl) : "–", around.status?.todayRealizedPnl);
  figure("buying-power", known(buyingPower) ? money(buyingPower) : "–");
  byId("blocks").hidden = !blocks.length;
  setText("blocks", blocks.length ? `The account is blocked: ${blocks.map(words).join(", ")}.` : "");
}

const known = (value) => value !== null && value !== undefined;

function figure(id, text, sign = 0) {
  setText(id, text);
  setData(byId(id), "sign", String(Math.sign(sign ?? 0)));
}

// -- one position ---------------------------------------------------------------------------------------------

/** The data of one row, for one symbol. */
function position(item) {
  const trades = item.tradeIds.map((id) => data.trades.get(id)).filter(Boolean);
  const asked = trades.reduce((sum, trade) => sum + trade.shares - trade.exitedShares, 0);
  const shares = (item.brokerShares ?? item.bookShares) || item.bookShares || asked;
  const side = Math.sign(shares);
  const entry = item.avgEntryPrice ?? (trades.length ? trades.reduce((sum, trade) => sum + trade.entryPrice * trade.shares, 0) / trades.reduce((sum, trade) => sum + trade.shares, 0) : null);
  const stopPct = around.config?.hardStopLossPct;
  return {
    symbol: item.symbol,
    shares,
    side,
    entry,
    price: item.currentPrice,
    pnl: item.openPnl,
    share: item.openPnl !== null && entry && shares ? item.openPnl / Math.abs(entry * shares) : null,
    since: trades.length ? trades.map((trade) => trade.entryAt).sort()[0] : null,
    stop: entry && stopPct && trades.length ? entry * (1 - (side * stopPct) / 100) : null,
    order: orderState(item, trades),
    catalyst: [...new Set(trades.map((trade) => [words(trade.catalystType), trade.catalystTier && `tier ${trade.catalystTier}`].filter(Boolean).join(", ")))].filter(Boolean).join("; "),
    difference: item.difference,
    isHeld: Boolean(item.brokerShares ?? item.bookShares),
    trades,
  };
}

function orderState(item, trades) {
  if (!trades.length) return "no open trade";
  const states = trades.map((trade) => {
    if (!trade.filled) return "entry works";
    if (trade.exitReason) return `exits: ${words(trade.exitReason)}`;
    return trade.exitedShares ? `${number(Math.abs(trade.exitedShares))} of ${number(Math.abs(trade.shares))} exited` : "filled";
  });
  return [...new Set(states)].join("; ");
}

const cell = (label, content, kind = "") => el("td", { role: "cell", "data-label": label, class: kind || null }, ...[content].flat());
const signed = (value, text) => el("span", { class: value < 0 ? "loss" : value > 0 ? "gain" : null }, text);

function row(found) {
  const { symbol, shares, side, entry, price, pnl, share, stop } = found;
  const heldFor = el("span", {});
  if (found.since) {
    const most = around.config?.maxHoldDurationSec;
    tick(heldFor, (at) => {
      const seconds = (at - new Date(found.since).getTime()) / 1000;
      setData(heldFor, "late", String(Boolean(most) && seconds > most));
      return duration(Math.floor(Math.max(1, seconds)));
    });
  }
  const made = el(
    "tr",
    { role: "row", "data-symbol": symbol },
    el("th", { scope: "row", role: "rowheader", class: "key" }, el("strong", {}, symbol)),
    cell("Side", side < 0 ? "short" : "long"),
    cell("Shares", number(Math.abs(shares)), "number key"),
    cell("Entry", entry === null ? "–" : price4(entry), "number"),
    cell("Price", price === null ? "–" : price4(price), "number"),
    cell("Open P&L", pnl === null ? "–" : signed(pnl, [signedMoney(pnl), share === null ? "" : ` (${percent(share)})`].join("")), "number key"),
    cell("Held", found.since ? heldFor : "–", "number"),
    cell("Hard stop", stop === null ? "–" : [price4(stop), price ? el("span", { class: "soft" }, ` ${percent((side * (stop - price)) / price)}`) : null], "number"),
    cell("Order", found.difference ? el("span", { class: "flag" }, DIFFERENCES[found.difference] ?? words(found.difference)) : found.order),
    cell("Catalyst", found.catalyst),
    el("td", { role: "cell", class: "acts" }, ...actions(found)),
    rowToggle(symbol, opened, `Details of ${symbol}`),
  );
  made.dataset.open = String(opened.has(symbol));
  return made;
}

const price4 = (value) => money(value, value < 1 ? 4 : 2);

function actions(found) {
  const { symbol, trades, isHeld } = found;
  const [first] = trades;
  const made = [];
  const button = (name, label, act) => {
    const made = el("button", { type: "button", class: "button quiet small", "aria-label": `${label} ${symbol}`, "data-keep": `${name} ${symbol}` }, name);
    made.addEventListener("click", act);
    return made;
  };
  if (act.mayAct && isHeld) made.push(button("Close…", "Close", () => act.close(symbol)));
  const difference = around.status?.reconciliation?.differences.find((each) => each.symbol === symbol);
  const settle = difference && settlements.ofDifference(difference);
  if (settle) made.push(settle);
  else if (act.mayAct && first) made.push(button("Correct…", "Correct the trade of", () => act.correct(trades)));
  if (first) made.push(button("Events", "Events of the trade of", () => act.events(trades)));
  if (!around.status?.sandbox) {
    made.push(el("a", { href: ALPACA + encodeURIComponent(symbol), target: "_blank", rel: "noopener noreferrer", "aria-label": `${symbol} at Alpaca, in a new tab`, class: "out" }, "Alpaca ↗"));
  }
  return made;
}

/** A list of the open positions that *picks* accepts, with their value, for a dialog. */
export function described(picks, isClosing = false) {
  const found = held().filter(picks);
  const age = data.readAt ? ` (read ${ago((now() - new Date(data.readAt).getTime()) / 1000)})` : "";
  if (!found.length) return [el("p", {}, `No position is known${age}. Working orders are not shown here.`)];
  const worth = found.reduce((sum, each) => sum + Math.abs(each.shares) * (each.currentPrice ?? each.avgEntryPrice ?? 0), 0);
  const priced = found.filter((each) => each.openPnl !== null);
  const pnl = priced.reduce((sum, each) => sum + each.openPnl, 0);
  return [
    el("p", {}, `${found.length} position${found.length > 1 ? "s" : ""}, worth about ${money(worth, 0)}${age}`, priced.length ? ", open P&L " : null, priced.length ? signed(pnl, signedMoney(pnl)) : null, ":"),
    el("ul", { class: "open-list" }, ...found.map((each) => el("li", {}, isClosing ? (each.shares > 0 ? "sell " : "buy ") : null, ...line(each)))),
  ];
}

/** One position in words. */
export const line = (each) => [`${number(Math.abs(each.shares))} ${each.symbol}${each.shares < 0 ? " short" : ""}`, ...(each.openPnl === null ? [] : [" ", signed(each.openPnl, signedMoney(each.openPnl))])];
