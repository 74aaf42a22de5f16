// The panel: one status comes in, every part shows it.

import { setNow, since, tick } from "./relative_time.js";
import { repeated } from "./refetch.js";
import { get } from "./api.js";
import { byId, el, setData, setText } from "./dom.js";
import * as buttons from "./buttons.js";
import * as flatten from "./flatten.js";
import { isSameDay, time } from "./format.js";
import { show as showTab } from "./browser_tab.js";
import * as statusView from "./status.js";
import { listen } from "./event_stream.js";
import * as charts from "./charts.js";
import * as alerts from "./alerts.js";
import * as approvals from "./approvals.js";
import * as keyboard from "./keyboard.js";
import * as positions from "./positions.js";
import * as tradeEvents from "./trade_events.js";
import * as records from "./records.js";
import { look } from "./commands.js";
import * as settlements from "./settle.js";
import * as tabs from "./tabs.js";
import * as thresholds from "./thresholds.js";

const start = JSON.parse(byId("start").textContent);
const LINK_WORDS = { live: "Connected", lost: "Connection lost", paused: "Asleep", connecting: "Connecting", ended: "Logged out" };

let status = null;
let asOf = start.status?.asOf ?? null;
let link = "connecting";
let ended = false;

const read = {
  status: repeated(async () => {
    const answer = await get("/status");
    if (answer.ok) show(answer.body);
    return answer.ok;
  }),
  thresholds: repeated(async () => {
    const ok = await thresholds.refresh();
    if (ok && status) draw();
    return ok;
  }),
  positions: repeated(async () => {
    const ok = await positions.read();
    if (ok && status) statusView.showUnwatched(status);
    return ok;
  }),
  alerts: repeated(alerts.read),
  approvals: repeated(approvals.read),
  lists: repeated(records.refreshShown),
  intraday: repeated(charts.readIntraday),
  daily: repeated(async () => status !== null && charts.readDaily(status.mode)),
  states: repeated(charts.readStates),
};

/** At first, on a new day, and after a gap in which anything may have happened. */
function readAll() {
  for (const name of ["positions", "alerts", "approvals", "thresholds", "lists", "intraday", "daily", "states"]) read[name]();
}

function show(now) {
  // after a reconnect another process may be a moment behind
  if (status && now.asOf < status.asOf) return;
  const before = status;
  status = now;
  goOn(now.asOf);
  byId("unavailable").hidden = true;
  draw();
  buttons.allow(now);
  flatten.show(now);
  setStale();
  look();
  if (!before) {
    readAll();
    return;
  }
  // whatever was committed shows in a list; the charts change with what they show
  read.positions();
  read.alerts();
  read.approvals();
  read.lists();
  if (before.revision !== now.revision) {
    read.thresholds();
    read.states();
    read.intraday(); // it shows the loss limit
  }
  if (before.mode !== now.mode || before.todayRealizedPnl !== now.todayRealizedPnl || before.todayTradeCount !== now.todayTradeCount) {
    read.intraday();
    read.daily();
  }
}

function draw() {
  statusView.show(status, thresholds.current(), isLost());
  positions.show(status, thresholds.current());
  charts.setOpenPnl(status.openPnl);
}

const isLost = () => link === "lost" || ended || !byId("unavailable").hidden;

/** It is *now* at the server. With a new day in New York, everything that says "today" is of yesterday. */
function goOn(now) {
  const isNewDay = asOf !== null && !isSameDay(asOf, now);
  asOf = now;
  setNow(now);
  if (!isNewDay) return;
  read.status();
  readAll();
}

function setLink(now) {
  if (ended || link === now) return;
  if (now === "live" && link !== "connecting") readAll();
  link = now;
  setData(byId("link"), "link", now);
  setText("link-word", LINK_WORDS[now]);
  const lost = byId("lost");
  lost.hidden = now !== "lost";
  if (now === "lost") {
    lost.replaceChildren(el("strong", {}, "Connection lost."), "Trying again. ", el("span", { id: "lost-age", "aria-live": "off" }), " Kill still works if Pitboss can be reached.");
    tick(byId("lost-age"), () => (asOf ? `What you see is from ${time(asOf)} ET, ${since(asOf)}.` : ""));
  }
  setStale();
}

function setStale() {
  const isStale = isLost();
  showTab(status, isStale);
  setData(document.body, "stale", String(isStale));
  setText("state-title", isStale && asOf ? `The bot, as it was at ${time(asOf)} ET` : "The bot");
}

function unavailable({ error }) {
  const banner = byId("unavailable");
  banner.replaceChildren(el("strong", {}, "The status cannot be read."), `${error}${asOf ? ` What you see is from ${time(asOf)} ET.` : ""}`);
  banner.hidden = false;
  setStale();
}

document.addEventListener("session-ended", () => {
  if (ended) return;
  setLink("lost");
  ended = true;
  setData(byId("link"), "link", "lost");
  setText("link-word", LINK_WORDS.ended);
  byId("lost").hidden = false;
  byId("lost").replaceChildren(el("strong", {}, "Your session has ended."), "What you see is no longer live. ", el("a", { href: "/login" }, "Log in again"));
  setStale();
});

thresholds.bind(start.config, () => records.refreshShown());
records.bind(start.thresholdDefaults);
buttons.bind(start.mayAct);
settlements.bind(start.mayAct);
flatten.bind(start.mayAct);
positions.bind(start.mayAct, { close: flatten.ask, correct: settlements.askTrades, events: tradeEvents.ask });
charts.bind();
const go = tabs.bind((panel) => records.refresh(panel));
document.addEventListener("show-trades", (event) => {
  go("trades");
  records.filterBy("trades-list", event.detail);
});
alerts.bind(start.mayAct, () => go("alerts"));
approvals.bind(start.actor, start.approvals, read.approvals);
keyboard.bind(
  {
    "?": keyboard.show,
    p: () => buttons.pressKind("pause"),
    S: () => buttons.pressKind(status?.state === "paused" ? "resume" : "start"),
    X: () => buttons.pressKind("stop"),
    c: () => buttons.pressKind("reconcile"),
    m: () => buttons.pressKind("set_mode"),
    f: () => start.mayAct && flatten.ask(),
    K: () => start.mayAct && buttons.askKill(),
    r: () => byId("reason").focus(),
    "/": () => {
      go("commands");
      byId("commands-text").focus();
    },
  },
  { c: () => go("commands"), t: () => go("trades"), d: () => go("days"), a: () => go("alerts"), r: () => go("reconciliations"), h: () => go("thresholds"), p: () => byId("positions-title").scrollIntoView() },
);
if (start.status) show(start.status);
else unavailable({ error: "The database cannot be reached." });
listen({
  status: show,
  pulse: (news) => {
    goOn(news.asOf);
    statusView.pulse(news);
  },
  unavailable,
  link: setLink,
  isHeard: alerts.isHeard,
});
