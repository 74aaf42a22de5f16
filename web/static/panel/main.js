// The panel: one status comes in, every part shows it.

import { setNow, since, tick } from "./relative_time.js";
import { repeated } from "./refetch.js";
import { get } from "./api.js";
import { byId, el, setData, setText } from "./dom.js";
import * as buttons from "./buttons.js";
import * as flatten from "./flatten.js";
import { isSameDay, time } from "./format.js";
import * as statusView from "./status.js";
import { listen } from "./event_stream.js";
import * as charts from "./charts.js";
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
    if (ok && status) statusView.show(status, thresholds.current());
    return ok;
  }),
  lists: repeated(records.refreshShown),
  intraday: repeated(charts.readIntraday),
  daily: repeated(async () => status !== null && charts.readDaily(status.mode)),
  states: repeated(charts.readStates),
};

/** At first, on a new day, and after a gap in which anything may have happened. */
function readAll() {
  for (const name of ["thresholds", "lists", "intraday", "daily", "states"]) read[name]();
}

function show(now) {
  // after a reconnect another process may be a moment behind
  if (status && now.asOf < status.asOf) return;
  const before = status;
  status = now;
  goOn(now.asOf);
  byId("unavailable").hidden = true;
  statusView.show(now, thresholds.current());
  buttons.allow(now);
  flatten.show(now);
  setStale();
  look();
  if (!before) {
    readAll();
    return;
  }
  // whatever was committed shows in a list; the charts change with what they show
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
  const isStale = link === "lost" || ended || !byId("unavailable").hidden;
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
records.bind();
buttons.bind(start.mayAct);
settlements.bind(start.mayAct);
flatten.bind(start.mayAct);
charts.bind();
tabs.bind((panel) => records.refresh(panel));
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
});
