// Settlements: what an operator can decide about a difference or a trade, and what each decision changes.

import { get } from "./api.js";
import { byId, el } from "./dom.js";
import { send } from "./commands.js";
import { DIFFERENCES, money, when, words } from "./format.js";
import { parse } from "./numbers.js";
import { now } from "./relative_time.js";

const LABELS = { adopt: "Adopt", adjust: "Adjust", close: "Close", void: "Void", write_off: "Write off", reopen: "Reopen", acknowledge: "Acknowledge", ignore: "Ignore", watch: "Watch again" };

/** The fields that an action takes; only the exit price is required. */
const FIELDS = { adopt: ["entryPrice"], adjust: ["shares", "entryPrice"], close: ["exitPrice", "shares"] };
const NAMES = ["shares", "entryPrice", "exitPrice"];

const dialog = byId("settle-dialog");
const form = byId("settle-form");
let mayAct = false;
let open = null; // what the dialog is about

export function bind(allowed) {
  mayAct = allowed;
  form.addEventListener("submit", (event) => {
    if (event.submitter?.value !== "yes") return;
    event.preventDefault();
    settle();
  });
  byId("settle-choices").addEventListener("change", chosen);
  byId("settle-trade").addEventListener("change", chosen);
}

/** The button beside a difference. */
export const ofDifference = (found) => button(found.symbol, () => askDifference(found));

/** The button beside a trade; null for a status that this page does not know. */
export const ofTrade = (trade) => (tradeChoices(trade).length ? button(`the trade of ${trade.symbol}`, () => askTrades([trade])) : null);

/** The button beside an applied `ignore` in the log. */
export const ofCommand = (row) =>
  row.kind === "settle" && row.status === "applied" && row.params.action === "ignore" ? button(row.params.symbol, () => ask(`Settle ${row.params.symbol}`, "It is ignored, unless that has ended since.", [watch(row.params.symbol)])) : null;

function button(what, act) {
  if (!mayAct) return null;
  const made = el("button", { type: "button", class: "button quiet small", "aria-label": `Settle ${what}…` }, "Settle…");
  made.addEventListener("click", act);
  return made;
}

// -- what can be decided --------------------------------------------------------------------------------------

const choice = (action, says, subject) => ({ action, says, ...subject });
const watch = (symbol) => choice("watch", `${symbol} is compared with the open trades again.`, { symbol });

function differenceChoices({ symbol, kind, here, there, tradeIds }) {
  const surplus = minus(there, here);
  const ofPosition = { symbol };
  const ofTrades = { tradeIds: tradeIds ?? [] };
  const adopt = choice("adopt", `${surplus} shares of ${symbol} become an open trade, at the average price that Alpaca shows unless you give one. Void undoes it.`, ofPosition);
  const ignore = choice("ignore", `${surplus} shares of ${symbol} are not the bot’s, until their number changes. Watch undoes it.`, ofPosition);
  const adjust = choice("adjust", "The trade then holds this many shares, at this entry price; booked exits keep their P&L. Another adjust undoes it.", ofTrades);
  const close = choice("close", "An exit is booked at this price, now: of all that the trade holds, unless you give the shares. Its P&L counts today. Reopen undoes it.", ofTrades);
  const writeOff = choice("write_off", "The trade becomes missed, without a result: it counts nowhere. Reopen undoes it.", ofTrades);
  if (kind === "unknown_here") return [adopt, ignore];
  if (kind === "quantity") return holdsMore(there, here) ? [adopt, adjust, ignore] : [close, adjust];
  return [close, writeOff];
}

function tradeChoices(trade, trades = [trade]) {
  const of = { tradeIds: trades.map(({ id }) => id) };
  const reopen = choice("reopen", "The trade is open again. Alpaca has to hold a position of it.", of);
  const close = choice("close", "An exit is booked at this price, now: of all that the trade holds, unless you give the shares. Its P&L counts today. Reopen undoes it.", of);
  const writeOff = choice("write_off", "The trade becomes missed, without a result: it counts nowhere. Reopen undoes it.", of);
  const isWhole = trades.every((each) => !each.exitedShares);
  const choices = {
    open: [
      choice("adjust", "The trade then holds this many shares, at this entry price; booked exits keep their P&L. Another adjust undoes it.", of),
      close,
      writeOff,
      isWhole && choice("void", "The trade never filled: it counts nowhere. Reopen undoes it.", of),
    ],
    missed: [!trade.acknowledgedAt && choice("acknowledge", "It stays missed, and its result unknown. Close or reopen undoes it.", of), close, reopen],
    closed: [choice("reopen", "Its exits are removed, with their P&L, and the trade is open again. Alpaca has to hold a position of it.", of)],
    void: [reopen, writeOff],
  };
  return (choices[trade.status] ?? []).filter(Boolean);
}

const holdsMore = (there, here) => Math.abs(Number(there)) > Math.abs(Number(here));

/** A difference of two numbers that are written as text, to Alpaca's nine decimal places. */
function minus(one, other) {
  return (Number(one) - Number(other)).toFixed(9).replace(/\.?0+$/, "");
}

// -- the dialog -----------------------------------------------------------------------------------------------

async function askDifference(found) {
  const text = `${found.here} shares here, ${found.there} at Alpaca: ${DIFFERENCES[found.kind] ?? words(found.kind)}.`;
  const wait = found.kind === "suspect" ? " A second reading, ten seconds after the first, decides by itself: you may wait for it." : "";
  const ids = found.tradeIds ?? [];
  const answer = ids.length ? await get(`/trades?status=open&limit=200&symbol=${encodeURIComponent(found.symbol)}`) : null;
  const trades = new Map((answer?.ok ? answer.body.items : []).map((trade) => [trade.id, trade]));
  ask(`Settle ${found.symbol}`, text + wait, differenceChoices(found), trades, minus(found.there, found.here));
}

/** Open the dialog for one of these trades, which have the same symbol and status. */
export function askTrades(trades) {
  const [trade] = trades;
  const text = `${words(trade.status)}: ${trades.map((each) => `${each.shares} shares at ${money(each.entryPrice)}, entered ${when(each.entryAt, now())} ET`).join("; ")}.`;
  ask(`Settle the trade of ${trade.symbol}`, text, tradeChoices(trade, trades), new Map(trades.map((each) => [each.id, each])));
}

function ask(title, text, choices, trades = new Map(), difference = "0") {
  open = { choices, trades, difference };
  byId("settle-title").textContent = title;
  byId("settle-text").textContent = text;
  byId("settle-reason").value = "";
  byId("settle-choices").replaceChildren(
    el("legend", {}, "Decision"),
    ...choices.map(({ action, says }, index) =>
      el("label", {}, el("input", { type: "radio", name: "action", value: action, checked: index === 0 }), el("span", {}, el("strong", {}, LABELS[action]), ` – ${says}`)),
    ),
  );
  const ids = choices.find((each) => each.tradeIds)?.tradeIds ?? [];
  byId("settle-trade").replaceChildren(...ids.map((id) => el("option", { value: id }, tradeText(id, trades.get(id)))));
  result("", "");
  chosen();
  dialog.showModal();
}

const held = (trade) => minus(trade.shares, trade.exitedShares ?? 0);
const tradeText = (id, trade) => (trade ? `${held(trade)} at ${money(trade.entryPrice)}, entered ${when(trade.entryAt, now())} ET` : id);

const current = () => open.choices.find(({ action }) => action === form.elements.action.value);

/** Show the fields of what is chosen, with what the difference suggests. */
function chosen() {
  const { action, tradeIds } = current();
  byId("settle-trade-field").hidden = !tradeIds || tradeIds.length < 2;
  const trade = open.trades.get(byId("settle-trade").value);
  for (const name of NAMES) {
    const isTaken = FIELDS[action]?.includes(name) ?? false;
    byId(`settle-${name}-field`).hidden = !isTaken;
    const input = byId(`settle-${name}`);
    input.required = isTaken && name === "exitPrice";
    input.value = isTaken && trade ? suggested(action, name, trade) : "";
  }
}

function suggested(action, name, trade) {
  const differs = open.difference !== "0";
  if (action === "adjust" && name === "entryPrice") return String(trade.entryPrice);
  if (action === "adjust" && name === "shares") {
    const left = minus(held(trade), minus(0, open.difference));
    return Number(left) * trade.shares > 0 ? left : held(trade);
  }
  if (action === "close" && name === "shares" && differs) {
    const gone = minus(0, open.difference);
    return Number(gone) * trade.shares > 0 && Math.abs(Number(gone)) < Math.abs(Number(held(trade))) ? gone : "";
  }
  return "";
}

async function settle() {
  const { action, symbol, tradeIds } = current();
  const params = { action, ...(tradeIds ? { tradeId: byId("settle-trade").value } : { symbol }) };
  for (const name of FIELDS[action] ?? []) {
    const typed = byId(`settle-${name}`).value;
    if (!typed.trim()) continue;
    const { text, error } = parse(typed);
    if (error) {
      result("rejected", `Nothing was changed. ${byId(`settle-${name}`).labels[0].firstChild.textContent.trim()} ${error}.`);
      byId(`settle-${name}`).focus();
      return;
    }
    params[name] = text; // as text it is exact
  }
  result("", "Queued…");
  const asked = open;
  const row = await send("settle", params, byId("settle-reason").value.trim());
  if (asked !== open) return; // closed meanwhile, and opened for something else
  if (row.status === "applied") dialog.close("");
  else result("rejected", `Nothing was changed. ${row.error ?? ""}`);
}

function result(outcome, text) {
  const shown = byId("settle-result");
  shown.dataset.outcome = outcome;
  shown.textContent = text;
}
