// The event stream: its events, and whether the connection is alive.

import { get } from "./api.js";

/** The server sends something at least every 3 s; after this much silence the connection counts as lost. */
const SILENCE_MS = 9000;
const RETRY_MS = 1500;
/** A hidden page closes its connection after this: browsers allow six for each server. */
const HIDDEN_MS = 60000;

/**
 * Listens until the page is closed. Calls `on.status(status)`, `on.pulse({asOf, worker})`, `on.unavailable({error})`, and
 * `on.link("live" | "lost" | "paused")` when the connection changes; asks `on.isHeard()` whether somebody hears the page who does not see it.
 */
export function listen(on) {
  let source = null;
  let heardAt = Date.now();
  let retry = 0;
  let hide = 0;

  function open() {
    clearTimeout(retry);
    source?.close();
    source = new EventSource("/api/bot/events");
    heardAt = Date.now();
    receive("status", on.status);
    receive("pulse", on.pulse);
    receive("unavailable", on.unavailable);
    source.addEventListener("error", lost);
  }

  function receive(name, act) {
    source.addEventListener(name, (event) => {
      heardAt = Date.now();
      on.link("live");
      act(JSON.parse(event.data));
    });
  }

  function lost() {
    on.link("lost");
    if (source && source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    again();
  }

  function again() {
    source?.close();
    source = null;
    clearTimeout(retry);
    retry = setTimeout(async () => {
      // a rejected stream does not say why: this call shows whether the session has ended
      const answer = await get("/status");
      if (answer.status === 401) return;
      open();
    }, RETRY_MS);
  }

  setInterval(() => {
    if (source && Date.now() - heardAt > SILENCE_MS) {
      on.link("lost");
      again();
    }
  }, 1000);

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hide);
    if (document.hidden && !on.isHeard()) {
      hide = setTimeout(() => {
        clearTimeout(retry);
        source?.close();
        source = null;
        on.link("paused");
      }, HIDDEN_MS);
    } else if (!document.hidden && !source) {
      open();
    }
  });
  addEventListener("online", () => open());
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}
