// Alerts: how many are not acknowledged, the latest of them, and how this page announces them.

import { call, get } from "./api.js";
import { setAlerts } from "./browser_tab.js";
import { announce, byId, el, setText } from "./dom.js";

const CHOICES = { sound: "pitboss-alert-sound", notification: "pitboss-alert-notification" };
/** The most ids that the server takes at once. */
const MOST = 200;

let latest = null; // seq of the newest alert that was shown
let open = [];

export function bind(mayAct, onShow) {
  for (const id of ["alerts-button", "alert-show"]) byId(id).addEventListener("click", onShow);
  if (mayAct) for (const id of ["acknowledge-all", "alert-acknowledge"]) byId(id).addEventListener("click", acknowledge);
  for (const [name, key] of Object.entries(CHOICES)) {
    const box = byId(`alert-${name}`);
    box.checked = localStorage.getItem(key) === "yes";
    box.addEventListener("change", async () => {
      if (name === "notification" && box.checked && (await Notification.requestPermission()) !== "granted") box.checked = false;
      localStorage.setItem(key, box.checked ? "yes" : "no");
      if (name === "sound" && box.checked) beep();
    });
  }
  byId("alert-notification").disabled = !("Notification" in globalThis);
}

/** Whether alerts are announced when the page is not visible. */
export const isHeard = () => Object.keys(CHOICES).some((name) => byId(`alert-${name}`).checked);

/** Read the newest alerts. Resolves with whether they could be read. */
export async function read() {
  const answer = await get("/alerts?limit=50");
  if (!answer.ok) return false;
  const { items, unacknowledged } = answer.body;
  open = items.filter((item) => item.severity !== "info" && !item.acknowledgedAt && !item.resolvedAt);
  const news = latest === null ? [] : open.filter((item) => item.seq > latest);
  latest = Math.max(latest ?? 0, ...items.map((item) => item.seq));
  setAlerts(unacknowledged);
  show(unacknowledged);
  if (news.length) tell(news[0]);
  return true;
}

function show(count) {
  setText("alerts-count", String(count));
  byId("alerts-button").dataset.count = String(count);
  byId("alerts-button").setAttribute("aria-label", `${count} alert${count === 1 ? "" : "s"} not acknowledged`);
  const banner = byId("alert-banner");
  // what cannot wait; a kill has a banner of its own
  const [first] = open.filter((item) => item.severity === "critical" && item.kind !== "killed");
  banner.hidden = !first;
  if (!first) return;
  setText("alert-word", count > 1 ? `${count} alerts.` : "Alert.");
  setText("alert-text", first.text);
}

function tell(alert) {
  announce(alert.text);
  if (byId("alert-sound").checked) beep();
  if (byId("alert-notification").checked && document.hidden && Notification.permission === "granted") {
    new Notification("Pitboss", { body: alert.text, tag: alert.id });
  }
}

async function acknowledge() {
  const ids = open.slice(0, MOST).map((item) => item.id);
  if (!ids.length) return;
  const answer = await call("POST", "/alerts/acknowledge", { ids });
  if (answer.ok) read();
  else announce(answer.body.error);
}

/** Two short tones. A browser plays them only on a page that the user has clicked on. */
function beep() {
  const context = new AudioContext();
  for (const [start, pitch] of [[0, 880], [0.22, 660]]) {
    const tone = new OscillatorNode(context, { frequency: pitch });
    const volume = new GainNode(context, { gain: 0.15 });
    tone.connect(volume).connect(context.destination);
    tone.start(context.currentTime + start);
    tone.stop(context.currentTime + start + 0.16);
  }
  setTimeout(() => context.close(), 1000);
}
