// Flatten: what would be closed, the confirmation, and the progress.

import { get } from "./api.js";
import { isBusy, send } from "./commands.js";
import { announce, byId, el, setText } from "./dom.js";
import { number, when } from "./format.js";
import { showOpen } from "./open_list.js";
import { repeated } from "./refetch.js";

const SAID = {
  working: "The account is being flattened.",
  waiting_for_open: "The flatten waits for the market to open.",
  flat: "The account is flat.",
  cancelled: "The flatten was cancelled.",
};
const AT_WORK = ["working", "waiting_for_open"];

let status = null;
let asked = null; // the symbol in the dialog; null for the whole account

const read = repeated(async () => {
  const answer = await get("/flatten");
  if (answer.ok) showProgress(answer.body);
  return answer.ok;
});

export function bind(mayAct) {
  if (!mayAct) return;
  for (const id of ["flatten", "unwatched-flatten"]) byId(id).addEventListener("click", () => ask());
  byId("flatten-cancel").addEventListener("click", () => isBusy("flatten") || send("flatten", { cancel: true }));
  byId("flatten-typed").addEventListener("input", judgeTyped);
  const dialog = byId("flatten-dialog");
  dialog.querySelector("form").addEventListener("submit", (event) => {
    if (event.submitter?.value === "yes" && !isConfirmed()) event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "yes") {
      byId("reason").value = "";
      send("flatten", asked ? { symbol: asked } : {}, byId("flatten-reason").value.trim());
    }
    dialog.returnValue = "";
  });
}

/** Show the last flatten of the status *now*. */
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
  const isUnread = now.positionsLeft === null || now.ordersLeft === null;
  const what = isUnread ? "what is left was not read yet" : left.length ? `left: ${left.join(", ")}` : "nothing is left, which a second reading confirms";
  setText("flattening-text", `since ${when(now.startedAt, status.asOf)} ET, ${now.attempts} round${now.attempts === 1 ? "" : "s"}: ${what}.`);
  setText("flattening-error", now.error ?? "");
}

/** Ask whether to flatten the account, or close *symbol* alone. */
export async function ask(symbol = null) {
  asked = symbol;
  const live = status?.mode === "live";
  setText("flatten-title-word", symbol ? `Close ${symbol}?` : "Flatten the account?");
  setText(
    "flatten-text",
    symbol
      ? `Every working order of ${symbol} is cancelled and its position closed at the market, until the broker confirms that nothing is left. A running bot is paused.`
      : "Every working order is cancelled and every position closed at the market, until the broker confirms that nothing is left. A running bot is paused.",
  );
  setText("flatten-yes", symbol ? `Close ${symbol} now` : "Flatten now");
  byId("flatten-confirm").hidden = !live;
  byId("flatten-typed").value = "";
  byId("flatten-reason").value = byId("reason").value;
  judgeTyped();
  byId("flatten-dialog").showModal();
  if (live) byId("flatten-typed").focus();
  await showOpen("flatten-open", (each) => !symbol || each.symbol === symbol, true, "The flatten still works.");
}

const isConfirmed = () => status?.mode !== "live" || byId("flatten-typed").value.trim() === "live";

function judgeTyped() {
  byId("flatten-yes").disabled = !isConfirmed();
}
