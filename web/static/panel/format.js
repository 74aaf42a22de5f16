// The form of numbers, times and the server's words. All times are New York's.

const ZONE = "America/New_York";
const clock = new Intl.DateTimeFormat("en-US", { timeZone: ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minute = new Intl.DateTimeFormat("en-US", { timeZone: ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en-US", { timeZone: ZONE, weekday: "short", month: "short", day: "numeric" });
const dayKey = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE });
const plainDay = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", month: "short", day: "numeric" });
const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const wholeDollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const plain = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });

const minus = (text) => text.replace("-", "−");

export const number = (value) => minus(plain.format(value));
/** A count that may be unknown. */
export const count = (value) => (value === null || value === undefined ? "–" : number(value));
const dollarsOf = { 0: wholeDollars, 2: dollars, 4: new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 4 }) };
export const money = (value, places = 2) => minus(dollarsOf[places].format(value));
export const roundMoney = (value) => money(value, 0);
export const signedMoney = (value) => (value > 0 ? "+" : "") + money(value);
/** A share of one as a percentage with its sign. */
export const percent = (share) => `${share > 0 ? "+" : ""}${minus((share * 100).toFixed(1))} %`;

export const time = (at) => clock.format(new Date(at));
export const hourMinute = (at) => minute.format(new Date(at));
export const date = (at) => day.format(new Date(at));
/** A trading date such as 2026-11-20, which has no time zone. */
export const tradingDate = (text) => plainDay.format(new Date(`${text}T00:00:00Z`));
export const isSameDay = (one, other) => dayKey.format(new Date(one)) === dayKey.format(new Date(other));

/** The time, with the date unless it is today. */
export const when = (at, now) => (isSameDay(at, now) ? time(at) : `${date(at)}, ${time(at)}`);
export const bell = (at, now) => (isSameDay(at, now) ? hourMinute(at) : `${date(at)}, ${hourMinute(at)}`);

/** A duration in seconds, in words. */
export function duration(seconds) {
  const s = Math.max(0, seconds);
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** How long ago, coarse enough not to flicker. */
export function ago(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 2) return "just now";
  if (s < 120) return `${s} s ago`;
  if (s < 7200) return `${Math.floor(s / 60)} min ago`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} d ago`;
}

export const COMMANDS = {
  start: "Start",
  pause: "Pause",
  resume: "Resume",
  stop: "Stop",
  kill: "Kill",
  rearm: "Rearm",
  set_mode: "Switch mode",
  update_config: "Change thresholds",
  reconcile: "Reconcile",
  settle: "Settle",
  flatten: "Flatten",
};

/** When the day *text*, such as 2026-11-20, or that many days later, begins in New York. */
export function midnight(text, days = 0) {
  const [year, month, on] = text.split("-").map(Number);
  const five = Date.UTC(year, month - 1, on + days, 5); // 0:00 in winter, 1:00 in summer
  return new Date(five - (minute.format(five).startsWith("01") ? 3600_000 : 0)).toISOString();
}

/** A command with its parameters; *before* has the values before a change of thresholds. */
export function command(kind, params, before = {}) {
  const name = COMMANDS[kind] ?? words(kind);
  if (kind === "set_mode" && params?.mode) return `${name} to ${params.mode}`;
  if (kind === "settle" && params?.action) return `${name}: ${words(params.action)} ${params.symbol ?? `trade ${String(params.tradeId).slice(0, 8)}`}`;
  if (kind === "flatten" && params?.cancel) return "End the flatten";
  if (kind === "flatten" && params?.symbol) return `${name} ${params.symbol}`;
  if (params?.flatten) return `${name} and flatten`;
  if (kind === "update_config" && params) return `${name}: ${Object.entries(params).map(([key, value]) => `${spaced(key)} ${key in before ? `${before[key]} → ` : ""}${value}`).join(", ")}`;
  return name;
}

export const STATES = {
  stopped: { word: "Stopped", icon: "#i-stop", means: "Nothing at all happens." },
  running: { word: "Running", icon: "#i-start", means: "Takes entries and exits." },
  paused: { word: "Paused", icon: "#i-pause", means: "No new entries; open positions are watched and exited." },
  killed: { word: "Killed", icon: "#i-kill", means: "Stopped, disabled and latched. Rearm it, then start it." },
};

export function reason(slug, status, config) {
  const sentences = {
    disabled: "It is not enabled: a start enables it.",
    killed: "It was killed: rearm it first.",
    not_running: `It is ${status.state}, not running.`,
    not_reconciled: "Database and broker have not been found to agree.",
    flattening: "It is being flattened: orders are cancelled, positions closed.",
    reconciliation_stale: "Database and broker have not been found to agree for too long.",
    worker_offline: "No worker was seen for 30 s.",
    market_closed: `The market is closed until ${bell(status.marketChangesAt, status.asOf)} ET.`,
    max_positions: config ? `All ${config.maxConcurrentPositions} positions are taken.` : "All positions are taken.",
    daily_loss: config ? `Today’s loss has reached the limit of ${money(config.dailyLossLimitUsd)}.` : "Today’s loss has reached its limit.",
  };
  return sentences[slug] ?? `${words(slug)}.`;
}

/** What a failed report means for the broker; any other failure means that it did not answer. */
export const BROKER = {
  account_mismatch: "Wrong account",
  account_blocked: "Blocked",
  credentials_missing: "No keys",
  broker_unauthorized: "Keys rejected",
  broker_rate_limited: "Too many requests",
  broker_failed: "Answers with errors",
  broker_garbled: "Answer unreadable",
  stale_evidence: "Answer too old",
};

export const TRIGGERS = { startup: "at startup", manual: "manually", mode_switch: "after a mode switch", retry: "as a retry", periodic: "on schedule", settle: "after a settlement" };
export const DIFFERENCES = { unknown_here: "not in the database", quantity: "another quantity", side: "another side", suspect: "gone at Alpaca, for the first time" };

export const words = (slug) => (slug ?? "").replaceAll("_", " ");
export const spaced = (camel) => camel.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
