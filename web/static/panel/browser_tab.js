// The title and the icon of the browser's tab, for when the page is not visible.

const icon = document.querySelector("link[rel=icon]");
const folder = icon.href.replace(/[^/]*$/, "");
const WORDS = { running: "Running", paused: "Paused", stopped: "Stopped", killed: "Killed" };

let alerts = 0;
let last = null;

/** Show *status*, which is out of date if the connection *isLost*. */
export function show(status, isLost) {
  last = { status, isLost };
  const { word, name } = state(status, isLost);
  const mode = status?.mode === "live" ? "LIVE " : "";
  const title = `${alerts ? `(${alerts}) ` : ""}${isLost ? "" : mode}${word} – Pitboss`;
  if (document.title !== title) document.title = title;
  const href = `${folder}icon-${name}.svg`;
  if (!icon.href.endsWith(`/icon-${name}.svg`)) icon.href = href;
}

/** Show how many alerts are not acknowledged. */
export function setAlerts(count) {
  alerts = count;
  if (last) show(last.status, last.isLost);
}

function state(status, isLost) {
  if (isLost || !status) return { word: "Connection lost", name: "lost" };
  if (status.killed) return { word: WORDS.killed, name: "killed" };
  const word = WORDS[status.state] ?? status.state;
  if (!status.worker.online) return { word: `Worker offline, ${word.toLowerCase()}`, name: "closed" };
  if (status.state === "running" && !status.acceptingSignals) return { word: `Gate closed, ${word.toLowerCase()}`, name: "closed" };
  return { word, name: status.state in WORDS ? status.state : "stopped" };
}
