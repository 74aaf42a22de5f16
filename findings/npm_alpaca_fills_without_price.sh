#!/bin/sh
# Alpaca's client for JavaScript keeps no price, side, time or order of a fill when fills are asked for by their kind.
#
# The answer is one of two models, and the check of each says yes to anything, so every row is read as the first of them, an activity
# that is no trade. Asked for as one of several kinds, with getAccountActivities, the same row is read whole.
#
# Node 20 with npm, and a package registry, are needed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
cd "$folder"

echo '{"private": true}' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund --save-exact @alpacahq/alpaca-trade-api@4.0.2
cat >seen.cjs <<'END'
const { Alpaca } = require("@alpacahq/alpaca-trade-api");

const fill = {
  id: "20261123150002024::3f1c8e1c-0000-4000-8000-00000000000b", activity_type: "FILL", type: "fill",
  transaction_time: "2026-11-23T15:00:02.024916Z", symbol: "ACME", side: "sell", qty: "15", price: "10.24",
  leaves_qty: "0", cum_qty: "15", order_id: "0d6a3f0e-4d7b-4b8e-9d50-000000000001", order_status: "filled",
};
// no network: every request is answered with this fill
const fetchApi = async () => new Response(JSON.stringify([fill]), { headers: { "content-type": "application/json" } });
const activities = new Alpaca({ keyId: "k", secret: "s", fetchApi }).trading.accountActivities;

(async () => {
  const [byKind] = await activities.getAccountActivitiesByActivityType({ activityType: "FILL" });
  const [amongOthers] = await activities.getAccountActivities({ activityTypes: ["FILL"] });
  console.log("node", process.version, "@alpacahq/alpaca-trade-api", require("@alpacahq/alpaca-trade-api/package.json").version);
  for (const [name, { side, qty, price, orderId }] of Object.entries({ byKind, amongOthers })) {
    console.log(`${name}:`, { side, qty, price, orderId });
  }
  const isLost = byKind.qty === "15" && byKind.price === undefined && byKind.side === undefined;
  process.exit(isLost && amongOthers.price === "10.24" && amongOthers.side === "sell" ? 0 : 1);
})();
END

node seen.cjs || {
    echo "This has changed." >&2
    exit 1
}
