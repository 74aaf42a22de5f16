// The panel: one status comes in, every part shows it.

import { since, tick } from "./ages.js";
import { byId, el, setData, setText } from "./dom.js";
import * as buttons from "./buttons.js";
import { time } from "./format.js";
import * as glance from "./glance.js";
import { listen } from "./live.js";
import * as pictures from "./pictures.js";
import * as records from "./records.js";
import { look } from "./steer.js";
import * as tabs from "./tabs.js";
import * as thresholds from "./thresholds.js";

const start = JSON.parse(byId("start").textContent);
const LINK_WORDS = { live: "Connected", lost: "Connection lost", paused: "Asleep", connecting: "Connecting", ended: "Logged out" };

let status = null;
let asOf = start.status?.asOf ?? null;
let link = "connecting";
let ended = false;
let refreshing = 0;
let stale = {};

function show(now) {
  const before = status;
  status = now;
  asOf = now.asOf;
  byId("unavailable").hidden = true;
  glance.show(now, thresholds.current());
  buttons.allow(now);
  setStale();
  look();
  if (!before || before.revision !== now.revision) {
    thresholds.refresh().then((config) => glance.show(status, config));
  }
  // whatever was committed shows in a list; the pictures change with what they show
  const hasTraded = !before || before.todayRealizedPnl !== now.todayRealizedPnl || before.todayTradeCount !== now.todayTradeCount;
  const hasActed = !before || before.revision !== now.revision;
  clearTimeout(refreshing);
  stale = { trades: stale.trades || hasTraded, commands: stale.commands || hasActed };
  refreshing = setTimeout(() => {
    records.refreshShown();
    pictures.refresh(stale);
    stale = {};
  }, 150);
}

function setLink(now) {
  if (ended || link === now) return;
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
  setData(document.body, "stale", String(link === "lost" || ended || !byId("unavailable").hidden));
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
pictures.bind();
tabs.bind((panel) => records.refresh(panel));
if (start.status) show(start.status);
else unavailable({ error: "The database cannot be reached." });
listen({
  status: show,
  pulse: (news) => {
    asOf = news.asOf;
    glance.pulse(news);
  },
  unavailable,
  link: setLink,
});
