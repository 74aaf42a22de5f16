// How the listed trades ended: totals, and by tier, exit reason and catalyst.

import { get } from "./api.js";
import { byId, el } from "./dom.js";
import { duration, money, number, signedMoney, words } from "./format.js";

const GROUPS = { byCatalystTier: ["By catalyst tier", (value) => `tier ${value}`], byExitReason: ["By exit reason", words], byCatalystType: ["By catalyst", words] };

let turn = 0;

/** Show the figures of the trades that match the filter *wanted*. */
export async function show(wanted) {
  const mine = ++turn;
  const answer = await get(`/stats/trades?${new URLSearchParams([...wanted].filter(([name]) => name !== "format"))}`);
  if (mine !== turn) return;
  const area = byId("summary");
  const text = JSON.stringify(answer.body);
  if (area.dataset.shown === text) return;
  area.dataset.shown = text;
  const isOpen = area.querySelector("details")?.open ?? false;
  if (!answer.ok) area.replaceChildren(el("p", { class: "loss" }, answer.body.error));
  else area.replaceChildren(...answer.body.items.flatMap((mode) => ofMode(mode, answer.body, isOpen)));
}

const percent = (share) => (share === null ? "–" : `${(share * 100).toFixed(1)} %`);
const dollars = (value) => (value === null ? "–" : el("span", { class: value < 0 ? "loss" : value > 0 ? "gain" : null }, signedMoney(value)));
const whole = (value) => el("span", { class: "nowrap" }, value === null ? "–" : money(value));
const factor = (value) => (value === null ? "–" : value.toFixed(2));

function ofMode({ mode, total, maxDrawdown, ...groups }, { items, minWinRate }, isOpen) {
  const isBelow = total.winRate !== null && total.winRate < minWinRate;
  const figures = [
    ["Closed trades", `${number(total.trades)}${items.length > 1 ? `, ${mode}` : ""}`],
    ["Net P&L", dollars(total.netPnl)],
    ["Win rate", [el("span", { class: isBelow ? "loss" : "gain" }, percent(total.winRate)), el("span", { class: "soft" }, ` ${isBelow ? "below" : "of at least"} ${percent(minWinRate)}`)]],
    ["Profit factor", factor(total.profitFactor)],
    ["Expectancy", [dollars(total.expectancy), el("span", { class: "soft" }, " a trade")]],
    ["Average win / loss", [whole(total.averageWin), " / ", whole(total.averageLoss)]],
    ["Max. drawdown", dollars(maxDrawdown)],
    ["Held on average", total.averageHeldSec === null ? "–" : duration(total.averageHeldSec)],
  ];
  return [
    el("dl", { class: "figures" }, ...figures.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, ...[value].flat())))),
    el("details", { open: isOpen }, el("summary", {}, "By tier, exit reason and catalyst"), el("div", { class: "groups-of" }, ...Object.entries(GROUPS).map(([name, [title, say]]) => table(title, groups[name], say)))),
  ];
}

function table(title, groups, say) {
  const head = ["", "Trades", "Win rate", "Profit factor", "Expectancy", "Net P&L"];
  return el(
    "table",
    {},
    el("caption", {}, title),
    el("thead", {}, el("tr", {}, ...head.map((name) => (name ? el("th", { scope: "col", class: "number" }, name) : el("td", {}))))),
    el(
      "tbody",
      {},
      ...groups.map((group) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, group.value === null ? "none" : say(group.value)),
          ...[number(group.trades), percent(group.winRate), factor(group.profitFactor), dollars(group.expectancy), dollars(group.netPnl)].map((value) => el("td", { class: "number" }, value)),
        ),
      ),
    ),
  );
}
