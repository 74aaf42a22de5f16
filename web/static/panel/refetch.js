// Reads data beside the status: once for several requests in a row, and repeatedly until it succeeds.

const SOON_MS = 150;
const FAILED_MS = [1000, 2000, 5000];

let ended = false;
document.addEventListener("session-ended", () => (ended = true));

/** Makes a function that requests a read. `read()` resolves with whether it succeeded, and never runs twice at the same time. */
export function repeated(read) {
  let isWanted = false;
  let isReading = false;
  let failures = 0;
  let timer = 0;

  async function run() {
    timer = 0;
    if (ended) return;
    isWanted = false;
    isReading = true;
    const ok = await read().finally(() => (isReading = false));
    failures = ok ? 0 : failures + 1;
    if (ok && isWanted) wait(SOON_MS);
    if (!ok) wait(FAILED_MS[failures - 1] ?? FAILED_MS.at(-1));
  }

  function wait(ms) {
    clearTimeout(timer);
    timer = setTimeout(run, ms);
  }

  return () => {
    isWanted = true;
    if (!isReading && (!timer || failures)) wait(SOON_MS);
  };
}
