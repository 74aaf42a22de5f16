// Flatten: what would be closed, the question whether it shall be, and how far it is.

import { get } from "./api.js";
import { isBusy, send } from "./commands.js";
import { announce, byId, el, setText } from "./dom.js";
import { number, roundMoney, when } from "./format.js";
import { repeated } from "./refetch.js";

const SAID = {
  working: "The account is being flattened.",
  waiting_for_open: "The flatten waits for the market to open.",
  flat: "The account is flat.",
  cancelled: "The flatten was ended.",
};
const AT_WORK = ["working", "waiting_for_open"];

let status = null;

const read = repeated(async () => {
  const answer = await get("/flatten");
  if (answer.ok) showProgress(answer.body);
  return answer.ok;
});

export function bind(mayAct) {
  if (!mayAct) return;
  byId("flatten").addEventListener("click", ask);
  byId("flatten-cancel").addEventListener("click", () => isBusy("flatten") || send("flatten", { cancel: true }));
  byId("flatten-typed").addEventListener("input", judgeTyped);
  const dialog = byId("flatten-dialog");
  dialog.querySelector("form").addEventListener("submit", (event) => {
    if (event.submitter?.value === "yes" && !isConfirmed()) event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "yes") {
      byId("reason").value = "";
      send("flatten", {}, byId("flatten-reason").value.trim());
    }
    dialog.returnValue = "";
  });
}

/** Show what *now* says of the last flatten. */
export function show(now) {
  const before = status;
  status = now;
  if (before && before.flatten !== now.flatten && SAID[now.flatten]) announce(SAID[now.flatten]);
  if (AT_WORK.includes(now.flatten) || (before && AT_WORK.includes(before.flatten))) read();
  else if (!AT_WORK.includes(now.flatten)) byId("flattening").hidden = true;
}

function showProgress(now) {
  const banner = byId("flattening");
  banner.hidden = !AT_WORK.includes(now.state);
  if (banner.hidden) return;
  setText("flattening-word", now.state === "waiting_for_open" ? "Flatten waits for the market to open" : "Flattening");
  const left = (now.positionsLeft ?? []).map((each) => `${number(each.shares)} ${each.symbol}`);
  if (now.ordersLeft) left.push(`${now.ordersLeft} order${now.ordersLeft > 1 ? "s" : ""}`);
  const what = now.positionsLeft === null ? "the broker was not read yet" : left.length ? `left: ${left.join(", ")}` : "nothing is left, which a second reading confirms";
  setText("flattening-text", `since ${when(now.startedAt, status.asOf)} ET, ${now.attempts} round${now.attempts === 1 ? "" : "s"}: ${what}.`);
  setText("flattening-error", now.error ?? "");
}

async function ask() {
  const live = status?.mode === "live";
  byId("flatten-confirm").hidden = !live;
  byId("flatten-typed").value = "";
  byId("flatten-reason").value = byId("reason").value;
  byId("flatten-open").replaceChildren(el("p", {}, "Reading what is open…"));
  judgeTyped();
  byId("flatten-dialog").showModal();
  if (live) byId("flatten-typed").focus();
  const answer = await get("/positions");
  byId("flatten-open").replaceChildren(...(answer.ok ? described(answer.body) : [el("p", {}, "What is open cannot be read now. It is flattened all the same.")]));
}

function described({ readAt, items }) {
  const held = items.map((each) => ({ ...each, shares: each.brokerShares ?? each.bookShares })).filter((each) => each.shares);
  if (!held.length) return [el("p", {}, "No position is known. Working orders are cancelled.")];
  const worth = held.reduce((sum, each) => sum + Math.abs(each.shares) * (each.currentPrice ?? each.avgEntryPrice ?? 0), 0);
  const read = readAt ? `, as read at ${when(readAt, status.asOf)} ET` : "";
  return [
    el("p", {}, `${held.length} position${held.length > 1 ? "s" : ""}, worth about ${roundMoney(worth)}${read}:`),
    el("ul", {}, ...held.map((each) => el("li", {}, `${each.shares > 0 ? "sell" : "buy"} ${number(Math.abs(each.shares))} ${each.symbol}`))),
  ];
}

const isConfirmed = () => status?.mode !== "live" || byId("flatten-typed").value.trim() === "live";

function judgeTyped() {
  byId("flatten-yes").disabled = !isConfirmed();
}
