// Sends commands and follows each to its end. A command is "queued" once it is in the server's log, and has an outcome only
// when the log shows one.

import { call, get, newKey } from "./api.js";
import { now, tick } from "./relative_time.js";
import { announce, byId, el } from "./dom.js";
import { command as commandText, duration, when } from "./format.js";

/** Waits before an unanswered command is sent again; it cannot be applied twice. */
const AGAIN_MS = [400, 1000, 2000, 3000, 5000];
const LOOK_MS = [60, 120, 200, 400, 800];
const WAITING_MS = 5000;
const WAITS = "Another operator has to approve it within ten minutes. Nothing has changed yet.";
const SHOW_MS = 5000;
const MOST_ENTRIES = 4;

const followed = new Set(); // functions that look at once
const busy = new Map(); // kind -> how many are under way

const PATHS = { set_mode: ["PATCH", "/mode"], update_config: ["PATCH", "/config"], settle: ["POST", "/settlements"] };

/** Send a command; resolves with its row in the log, or with `{error, errorCode, details}` if it is not there. */
export async function send(kind, params = {}, reason = "") {
  const entry = newEntry(kind, params, reason);
  const [method, path] = PATHS[kind] ?? ["POST", `/${kind}`];
  const body = { ...params, ...(reason ? { reason } : {}) };
  const headers = { "Idempotency-Key": newKey(), Prefer: "respond-async" };
  mark(kind, 1);
  try {
    entry.show("sending", "sending");
    let answer = await call(method, path, body, headers);
    for (const wait of AGAIN_MS) {
      if (answer.status !== 0) break;
      entry.show("sending", "no answer, trying again");
      await sleep(wait);
      answer = await call(method, path, body, headers);
    }
    const id = answer.body.commandId ?? answer.body.details?.commandId;
    if (id) return await follow(id, entry);
    if (answer.status === 0) {
      entry.show("unknown", "unknown", "No answer: it may or may not have been accepted. The command log shows it when the connection is back.");
    } else {
      entry.show("rejected", "rejected", answer.body.error ?? `The server answered ${answer.status}.`);
    }
    return { status: "rejected", error: answer.body.error, errorCode: answer.body.code, details: answer.body.details ?? {} };
  } finally {
    mark(kind, -1);
  }
}

/** Something was committed: check for the outcomes that are waited for. */
export function look() {
  for (const act of [...followed]) act();
}

/** Whether a command of this kind is under way. */
export const isBusy = (kind) => busy.has(kind);

async function follow(id, entry, isTold = false) {
  for (let turn = 0; ; turn += 1) {
    const answer = await get(`/commands/${id}`);
    const waits = answer.ok && answer.body.status === "awaiting_approval";
    if (waits && !isTold) {
      entry.show("awaiting", "awaits approval", WAITS);
      follow(id, entry, true); // whoever sent it does not wait for another person
      return { ...answer.body, error: WAITS };
    }
    if (answer.ok && !waits && answer.body.status !== "queued") {
      entry.finish(answer.body);
      return answer.body;
    }
    if (answer.ok && !waits) entry.show("queued", "queued");
    if (answer.status === 401) {
      entry.show("unknown", "unknown", "Your session has ended: the command log shows what became of it.");
      return { status: "rejected", error: answer.body.error, errorCode: answer.body.code, details: {} };
    }
    if (answer.status === 404) {
      entry.show("rejected", "not accepted", "The database did not accept it; nothing was changed.");
      return { status: "rejected", error: "It was not accepted.", errorCode: "not_accepted", details: {} };
    }
    await nudgedOr(waits ? WAITING_MS : (LOOK_MS[turn] ?? 1000));
  }
}

function newEntry(kind, params, reason) {
  const list = byId("activity");
  list.querySelector(".none")?.remove();
  const outcome = el("span", { class: "outcome" });
  const why = el("span", { class: "why", hidden: true });
  const name = commandText(kind, kind === "update_config" ? null : params);
  const sentAt = now();
  const clock = el("time", {});
  tick(clock, (at) => when(sentAt, at));
  const item = el("li", {}, clock, el("strong", {}, name), outcome, reason ? el("span", {}, `“${reason}”`) : null, why);
  list.prepend(item);
  while (list.children.length > MOST_ENTRIES) list.lastElementChild.remove();
  const button = document.querySelector(`.button[data-command="${kind}"]`);

  function show(state, word, sentence = "") {
    outcome.dataset.outcome = state;
    outcome.textContent = word;
    why.hidden = !sentence;
    why.textContent = sentence;
    if (button) {
      button.dataset.progress = state;
      button.querySelector(".progress").textContent = word;
      clearTimeout(button.clearing);
      if (!["sending", "queued"].includes(state)) button.clearing = setTimeout(() => clear(button), SHOW_MS);
    }
    if (!["sending", "queued"].includes(state)) announce(`${name}: ${word}. ${sentence}`);
  }

  function finish(row) {
    const took = duration((new Date(row.finishedAt) - new Date(row.issuedAt)) / 1000);
    const to = row.status === "applied" && row.toState && row.fromState !== row.toState ? `, now ${row.toState}` : "";
    show(row.status, row.status === "rejected" ? "rejected" : `${row.status}${to} (${took})`, row.error ?? "");
    if (button) button.querySelector(".progress").textContent = row.status;
  }

  return { show, finish };
}

function clear(button) {
  delete button.dataset.progress;
  button.querySelector(".progress").textContent = "";
}

function mark(kind, step) {
  const count = (busy.get(kind) ?? 0) + step;
  if (count > 0) busy.set(kind, count);
  else busy.delete(kind);
  document.dispatchEvent(new CustomEvent("busy-changed"));
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function nudgedOr(ms) {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      followed.delete(end);
      done();
    };
    const timer = setTimeout(end, ms);
    followed.add(end);
  });
}

