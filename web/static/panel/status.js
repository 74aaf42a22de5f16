// The bot at a glance: shows the server's status and nothing else.

import { now, since, tick } from "./relative_time.js";
import { announce, byId, el, setData, setText } from "./dom.js";
import { held, line } from "./positions.js";
import * as settlements from "./settle.js";
import { show as showTab } from "./browser_tab.js";
import { BROKER, DIFFERENCES, STATES, TRIGGERS, bell, duration, money, number, reason, signedMoney, time, when } from "./format.js";

let shown = null;

/** The bot in one word: the kill latch comes before the state. */
export const stateOf = (status) => (status.killed ? "killed" : status.state);

export function show(status, config, isLost = false) {
  showState(status);
  showGate(status, config);
  showTiles(status, config);
  showReconciliation(status);
  showBanners(status);
  showTab(status, isLost);
  setText("revision", `Revision ${status.revision}.`);
  say(status);
  shown = status;
}

/** A pulse: only the worker's heartbeat has changed. */
export function pulse({ worker }) {
  if (shown) shown.worker = worker;
}

function showState(status) {
  const state = stateOf(status);
  const { word, icon, means } = STATES[state] ?? { word: state, icon: "#i-stop", means: "" };
  setData(document.body, "state", state);
  setData(document.body, "mode", status.mode);
  for (const id of ["state-word", "state-badge-word"]) setText(id, word);
  for (const id of ["state-icon", "state-badge-icon"]) byId(id).setAttribute("href", icon);
  const isShut = state === "running" && !status.acceptingSignals;
  setText("state-means", isShut ? "Takes no new entries now; open positions are watched and exited." : means);
  setText("mode-word", status.mode.toUpperCase());
  setText("mode-note", status.sandbox ? "simulated broker" : "");
  byId("mode-note").hidden = !status.sandbox;
  byId("live-band").hidden = status.mode !== "live";
}

function showGate(status, config) {
  // a bot that runs behind a closed gate does as little as a stopped one, so it is shown as prominently
  const isLoud = status.state === "running" && !status.acceptingSignals;
  setData(byId("gate"), "open", String(status.acceptingSignals));
  setData(document.body, "gate", isLoud ? "closed" : "open");
  byId("gate-icon").setAttribute("href", status.acceptingSignals ? "#i-yes" : "#i-no");
  setText("gate-word", status.acceptingSignals ? "Accepts signals" : isLoud ? "Gate closed" : "Accepts no signals");
  byId("state-badge-gate").hidden = !isLoud;
  // "killed" already says that it is neither enabled nor running
  const implied = status.killed ? ["disabled", "not_running"] : [];
  const sentences = status.reasons.filter((slug) => !implied.includes(slug)).map((slug) => reason(slug, status, config));
  const list = byId("gate-reasons");
  if (sentences.join("\n") !== [...list.children].map((item) => item.textContent).join("\n")) {
    list.replaceChildren(...sentences.map((sentence) => el("li", {}, sentence)));
  }
}

function showTiles(status, config) {
  const pnl = status.todayRealizedPnl;
  const lost = config ? Math.max(0, -pnl) / config.dailyLossLimitUsd : 0;
  setText("pnl", signedMoney(pnl));
  setText("pnl-note", config ? `loss limit ${money(-config.dailyLossLimitUsd)}${lost > 0 ? `, ${Math.round(lost * 100)} % used` : ""}` : "");
  tone("tile-pnl", lost >= 1 ? "bad" : lost >= 0.75 ? "warn" : pnl > 0 ? "good" : "");
  meter("pnl-meter", lost);

  const most = config?.maxConcurrentPositions;
  setText("positions", most ? `${status.openPositionCount} of ${most}` : `${status.openPositionCount}`);
  setText("positions-note", most ? (status.openPositionCount >= most ? "no place is free" : `${most - status.openPositionCount} free`) : "");
  tone("tile-positions", most && status.openPositionCount >= most ? "warn" : "");
  meter("positions-meter", most ? status.openPositionCount / most : 0);

  setText("trades", number(status.todayTradeCount));
  setText("trades-note", status.unsettledTrades ? `closed today; ${status.unsettledTrades} without a result` : "closed today");
  tone("tile-trades", status.unsettledTrades ? "warn" : "");

  setText("market", status.marketOpen ? "Open" : "Closed");
  const changes = status.marketChangesAt;
  tick(byId("market-note"), (at) => {
    const left = duration(Math.max(0, Math.round((new Date(changes).getTime() - at) / 60000)) * 60);
    return `${status.marketOpen ? "" : "until "}${marketText(status, at, left)}`;
  });

  setText("worker", status.worker.online ? "Online" : "Offline");
  tone("tile-worker", status.worker.online ? "" : "bad");
  tick(byId("worker-note"), () => {
    const seen = shown?.worker.lastSeenAt ?? status.worker.lastSeenAt;
    return seen ? `seen ${since(seen)}` : "none was ever seen";
  });

  setText("pending", String(status.pendingCommands));
  setText("pending-note", status.pendingCommands ? (status.worker.online ? "in a moment" : "no worker to apply them") : "none waits");
  tone("tile-pending", status.pendingCommands && !status.worker.online ? "warn" : "");
}

function marketText(status, at, left) {
  const text = `${bell(status.marketChangesAt, at)} ET (in ${left.replace(" 0 s", "")})`;
  // MARKET_HOURS=always: the market counts as open, whatever the exchange does
  return status.marketOpen ? `until ${text}` : text;
}

function showReconciliation(status) {
  const last = status.reconciliation;
  const differences = last?.differences ?? [];
  const failed = last?.outcome === "failed";
  const account = status.sandbox ? "Sandbox" : `Alpaca ${status.mode}`;
  setText("broker", failed ? (BROKER[last.errorCode] ?? "No answer") : account);
  tone("tile-broker", failed ? "bad" : "");
  setText("reconciliation", !last ? "None yet" : failed ? "Failed" : differences.length ? "Disagrees" : "Agrees");
  tone("tile-reconciliation", failed || differences.length ? "bad" : last ? "good" : "");
  tick(byId("broker-note"), () => (!last ? "not asked yet" : failed ? `${account}, tried ${since(last.finishedAt)}` : `answered ${since(last.finishedAt)}`));
  tick(byId("reconciliation-note"), () => {
    if (!last) return "the gate is closed until one succeeds";
    const parts = [`${since(last.finishedAt)}, ${TRIGGERS[last.trigger] ?? last.trigger}`];
    if (failed) parts.push(last.error);
    if (differences.length) parts.push(`${differences.length} symbol${differences.length > 1 ? "s" : ""}`);
    if (last.missed) parts.push(`${last.missed} written off as missed`);
    return parts.filter(Boolean).join("; ");
  });
  showDifferences(differences);
}

function showDifferences(differences) {
  byId("differences").hidden = !differences.length;
  const rows = byId("differences-rows");
  const text = JSON.stringify(differences);
  if (rows.dataset.shown === text) return; // a button that has the focus keeps it
  rows.dataset.shown = text;
  rows.replaceChildren(
    ...differences.map((found) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, found.symbol),
        el("td", {}, DIFFERENCES[found.kind] ?? found.kind),
        el("td", { class: "number" }, found.here),
        el("td", { class: "number" }, found.there),
        el("td", { class: "number" }, settlements.ofDifference(found)),
      ),
    ),
  );
}

function showBanners(status) {
  const killed = byId("killed");
  killed.hidden = !status.killed;
  if (status.killed) {
    const why = status.killReason ? `: ${status.killReason}` : ", no reason was given";
    const text = `at ${when(status.killedAt, status.asOf)} ET${why}. It stays stopped until it is rearmed.`;
    if (killed.dataset.text !== text) {
      killed.dataset.text = text;
      killed.replaceChildren(el("strong", {}, "Killed"), text);
    }
  }
  showUnwatched(status);
}

/** What is open although nothing watches it, and what to do about it. */
export function showUnwatched(status) {
  const isStopped = status.state === "stopped" && !["working", "waiting_for_open"].includes(status.flatten);
  const open = held();
  const count = open.length || status.openPositionCount;
  byId("unwatched").hidden = !(isStopped && count);
  if (!isStopped || !count) return;
  const list = byId("unwatched-list");
  const text = `${count} position${count > 1 ? "s are" : " is"} open while the bot is stopped: nothing watches or exits ${count > 1 ? "them" : "it"}.`;
  setText("unwatched-text", text);
  const shown = JSON.stringify(open);
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(...open.map((each) => el("li", {}, ...line(each))));
}

function say(status) {
  if (!shown) return;
  const changes = [];
  if (stateOf(shown) !== stateOf(status)) changes.push(`The bot is ${stateOf(status)} now.`);
  if (shown.mode !== status.mode) changes.push(`The mode is ${status.mode} now.`);
  if (shown.acceptingSignals !== status.acceptingSignals) changes.push(status.acceptingSignals ? "It accepts signals." : "It accepts no signals.");
  if (shown.worker.online !== status.worker.online) changes.push(`The worker is ${status.worker.online ? "online" : "offline"}.`);
  if (shown.marketOpen !== status.marketOpen) changes.push(`The market is ${status.marketOpen ? "open" : "closed"}.`);
  if (changes.length) announce(changes.join(" "));
}

function tone(id, value) {
  setData(byId(id), "tone", value);
}

function meter(id, share) {
  byId(id).style.width = `${Math.min(100, Math.max(0, share * 100))}%`;
}

tick(byId("clock"), () => time(now()));
