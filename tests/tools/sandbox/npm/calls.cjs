// Makes calls of Alpaca's own client for JavaScript: each line of the input is one, and each line of the output its answer.
const { createInterface } = require("node:readline");
const { Alpaca, trading } = require("@alpacahq/alpaca-trade-api");

const [url, keyId, secret] = process.argv.slice(2);
const alpaca = new Alpaca({
  keyId,
  secret,
  retry: { retryDelayMs: 10 },
  // the client's own way to lead requests elsewhere
  fetchApi: (asked, init) => fetch(String(asked).replace(trading.TRADING_PAPER_HOST, url), init),
});

const isTime = /^\d{4}-\d\d-\d\dT/;

async function answer(line) {
  const { call, given } = JSON.parse(line, (_, value) => (isTime.test(value) ? new Date(value) : value));
  const path = call.split(".");
  const method = path.pop();
  const group = path.reduce((part, name) => part[name], alpaca.trading);
  try {
    return { value: (await group[method](...given)) ?? null };
  } catch (error) {
    const { name, status, code, message } = error;
    return { error: { name, status, code, message } };
  }
}

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(line)));
  }
  process.exit(); // a call without an answer's body leaves a timer of 30 seconds behind
})();
