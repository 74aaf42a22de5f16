// Calls to the REST interface with the session of this page.

const ROOT = "/api/bot";
const TIMEOUT_MS = 8000;
const NO_ANSWER = { status: 0, ok: false, body: { error: "No answer from Pitboss.", code: "no_answer" } };
const token = document.querySelector("meta[name=csrf-token]").content;

/** An answer: `status` 0 means that none came. */
export async function call(method, path, body = undefined, headers = {}, patienceMs = TIMEOUT_MS) {
  const init = { method, headers: { Accept: "application/json", ...headers }, signal: AbortSignal.timeout(patienceMs), cache: "no-store" };
  if (method !== "GET") {
    init.headers["X-CSRF-Token"] = token;
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body ?? {});
  }
  try {
    const response = await fetch(ROOT + path, init);
    const said = await response.json().catch(() => null);
    // an answer that broke off does not count
    if (said === null && response.ok) return NO_ANSWER;
    const answer = { status: response.status, ok: response.ok, body: said ?? {} };
    if (response.status === 401) document.dispatchEvent(new CustomEvent("session-ended"));
    return answer;
  } catch (error) {
    return NO_ANSWER;
  }
}

export const get = (path, patienceMs = TIMEOUT_MS) => call("GET", path, undefined, {}, patienceMs);

/** An idempotency key, which makes sending a command twice harmless. Works without https, too. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
