// The charts, by Chart.js. Each has a sentence with the same content.

import { now } from "./relative_time.js";
import { get } from "./api.js";
import { byId, setText } from "./dom.js";
import { STATES, bell, duration, hourMinute, money, roundMoney, signedMoney, tradingDate, words } from "./format.js";

const HOUR = 3600_000;
const DAYS = 30;
/** How often the charts of today are drawn again, in milliseconds. */
const REDRAW_MS = 60_000;
/** The share of the loss limit from which its line is drawn. */
const LIMIT_IS_NEAR = 0.4;
const CHANGE_STATE = "start,pause,resume,stop,kill,rearm,set_mode";
const BANDS = ["running", "paused", "stopped", "killed"];

const charts = {};
const data = {};
const others = [];

/** Have *draw* called when the charts are drawn again: as time goes on, and when the colours change. */
export const onRedraw = (draw) => others.push(draw);

export function bind() {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const name of Object.keys(charts)) {
      charts[name].destroy();
      delete charts[name];
    }
    draw();
  });
  setInterval(draw, REDRAW_MS);
}

/** Read the chart's data and draw it. Resolves with whether they could be read. */
export async function readIntraday() {
  const answer = await get("/stats/intraday");
  if (answer.ok) drawIntraday((data.intraday = answer.body));
  return answer.ok;
}

/** Paper and live money are never added up: the chart is of *mode*. */
export async function readDaily(mode) {
  const answer = await get(`/stats/daily?mode=${mode}&limit=${DAYS}`);
  if (answer.ok) drawDaily((data.daily = answer.body.items.reverse()));
  return answer.ok;
}

export async function readStates() {
  const answer = await get("/states");
  if (!answer.ok) return false;
  const began = answer.body.items.length === 1 ? await beganBefore() : null;
  drawStates((data.states = { ...answer.body, began }));
  return true;
}

/** The command that began a state that lasts since before today; null if none is found. */
async function beganBefore() {
  const answer = await get(`/commands?status=applied&kind=${CHANGE_STATE}&limit=20`);
  const has = (item) => item.fromState !== item.toState || ["kill", "rearm", "set_mode"].includes(item.kind);
  return answer.ok ? (answer.body.items.find(has) ?? null) : null;
}

function draw() {
  if (data.intraday) drawIntraday(data.intraday);
  if (data.daily) drawDaily(data.daily);
  if (data.states) drawStates(data.states);
  for (const other of others) other();
}

/** The unrealized profit of the open positions, in US dollars; null while it is unknown. */
export function setOpenPnl(value) {
  if (data.openPnl === value) return;
  data.openPnl = value;
  if (data.intraday) drawIntraday(data.intraday);
}

function drawIntraday({ points, lossLimitUsd, ...day }) {
  const [from, to] = span(day, points.map((point) => point.at));
  const end = Math.min(to, now());
  const line = [{ x: from, y: 0 }, ...points.map((point) => ({ x: ms(point.at), y: point.cumulative, trades: point.trades }))];
  const last = line.at(-1).y;
  if (end > line.at(-1).x) line.push({ x: end, y: last });
  const open = data.openPnl ?? 0;
  const withOpen = open ? [{ x: end, y: last }, { x: end, y: last + open }] : [];
  const lowest = Math.min(0, ...line.map((point) => point.y));
  // a limit that is far away would flatten everything else into a line
  const isNear = Math.min(lowest, last + open) <= -lossLimitUsd * LIMIT_IS_NEAR;
  const trades = points.reduce((sum, point) => sum + point.trades, 0);
  const limit = `loss limit ${money(-lossLimitUsd)}${isNear ? "" : ", far below"}`;
  setText(
    "intraday-text",
    points.length
      ? `${signedMoney(last)} after ${trades} closed trade${trades === 1 ? "" : "s"}${open ? `, ${signedMoney(last + open)} with what is open` : ""}; lowest ${money(lowest)}, ${limit}.`
      : `No trade was closed today${open ? `; ${signedMoney(open)} with what is open` : ""}; ${limit}.`,
  );
  const c = colours();
  put("intraday", {
    type: "line",
    data: {
      datasets: [
        { label: "P&L", data: line, stepped: true, borderColor: c.accent, backgroundColor: c.accent, borderWidth: 2, pointRadius: 0, pointHitRadius: 8, fill: { target: { value: 0 }, above: c.goodGround, below: c.badGround } },
        ...(withOpen.length ? [{ label: "With open P&L", data: withOpen, borderColor: c.text, backgroundColor: c.surface, borderWidth: 2, pointRadius: [0, 5], pointHitRadius: 8 }] : []),
        ...(isNear ? [{ label: "Loss limit", data: [{ x: from, y: -lossLimitUsd }, { x: to, y: -lossLimitUsd }], borderColor: c.bad, backgroundColor: c.bad, borderWidth: 2, borderDash: [6, 5], pointRadius: 0, pointHitRadius: 0 }] : []),
      ],
    },
    options: {
      interaction: { mode: "nearest", axis: "x", intersect: false },
      scales: { x: hours(from, to), y: dollarsAxis(c, "left") },
      plugins: { legend: legend(), tooltip: { filter: (item) => item.dataset.label !== "Loss limit", callbacks: { title: ([item]) => (item ? `${hourMinute(item.parsed.x)} ET` : ""), label: (item) => `${item.dataset.label}: ${signedMoney(item.parsed.y)}` } } },
    },
  });
}

function drawDaily(days) {
  let sum = 0;
  const cumulative = days.map((day) => (sum += day.realizedPnl));
  const wins = days.filter((day) => day.realizedPnl > 0).length;
  setText("daily-text", days.length ? `${signedMoney(sum)} over ${days.length} trading day${days.length === 1 ? "" : "s"}, ${wins} of them with a gain.` : "No trading day has statistics yet.");
  const c = colours();
  const each = days.map((day) => day.realizedPnl);
  const [left, right] = withOneZero([each, cumulative]);
  put("daily", {
    type: "bar",
    data: {
      labels: days.map((day) => tradingDate(day.date)),
      datasets: [
        { type: "line", label: "Cumulative (right)", data: cumulative, yAxisID: "sum", borderColor: c.text, backgroundColor: c.text, borderWidth: 2, pointRadius: 2, tension: 0 },
        { label: "Each day (left)", data: each, yAxisID: "y", backgroundColor: each.map((pnl) => (pnl < 0 ? c.bad : c.good)), maxBarThickness: 26 },
      ],
    },
    options: {
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 14 } },
        y: scaled(dollarsAxis(c, "left"), left),
        sum: scaled({ ...dollarsAxis(c, "right"), grid: { display: false } }, right),
      },
      plugins: {
        legend: legend(),
        tooltip: { callbacks: { label: (item) => `${item.dataset.label.replace(/ \(.*/, "")}: ${signedMoney(item.parsed.y)}`, afterBody: ([item]) => `${days[item.dataIndex].tradeCount} trades, ${days[item.dataIndex].dayTradeCount} day trades` } },
      },
    },
  });
}

function drawStates({ items, began, ...day }) {
  const changes = items.slice(1).map((item) => item.beganAt);
  const [from, to] = span(day, changes);
  const until = Math.min(now(), to);
  const stretches = items.map((item, index) => ({ ...item, name: item.killed ? "killed" : item.state, from: ms(item.beganAt), to: index === items.length - 1 ? until : ms(item.endedAt) }));
  const spent = Object.fromEntries(BANDS.map((name) => [name, stretches.filter((item) => item.name === name).reduce((sum, item) => sum + Math.max(0, item.to - Math.max(from, item.from)), 0)]));
  const parts = BANDS.filter((name) => spent[name] >= 1000).map((name) => `${name} ${duration(spent[name] / 1000)}`);
  const last = stretches.at(-1);
  const first = last.kind ? { at: last.from, by: last } : began && { at: began.finishedAt, by: began };
  const since = first ? `since ${bell(first.at, now())} ET` : "since before today";
  setText("states-text", `Since ${bell(from, now())} ET: ${parts.join(", ")}. Now ${last.name} ${since}, in ${last.mode} mode.`);
  setText("state-since", `S${since.slice(1)}${first ? `: ${words(first.by.kind)} by ${first.by.actor}` : ""}.`);
  const c = colours();
  const fills = { running: c.good, paused: c.warn, stopped: c.halt, killed: c.bad };
  // each state has a row of its own: they are told apart without their colours, too
  put("states", {
    type: "bar",
    data: {
      labels: BANDS.map((name) => STATES[name].word),
      datasets: [
        {
          label: "State",
          data: stretches.filter((item) => item.to > from).map((item) => ({ y: STATES[item.name].word, x: [Math.max(from, item.from), item.to], item })),
          backgroundColor: (context) => fills[context.raw?.item?.name] ?? c.halt,
          grouped: false,
          barPercentage: 0.72,
          categoryPercentage: 1,
          minBarLength: 3,
        },
      ],
    },
    options: {
      indexAxis: "y",
      interaction: { mode: "nearest", intersect: true },
      scales: { x: hours(from, to), y: { grid: { color: c.line }, border: { display: false }, ticks: { color: c.text } } },
      plugins: {
        legend: { display: false },
        tooltip: {
          callbacks: {
            title: ([entry]) => `${STATES[entry.raw.item.name].word}, ${entry.raw.item.mode}`,
            label: ({ raw }) => [`${hourMinute(raw.x[0])} to ${hourMinute(raw.x[1])} ET`, raw.item.kind ? `${words(raw.item.kind)} by ${raw.item.actor}` : "as the day began"],
          },
        },
      },
    },
  });
}

/** The part of the day that is shown: the session with half an hour around it, extended to everything that happened. */
function span(day, times) {
  const at = times.map(ms);
  const marks = [...at, Math.min(now(), ms(day.endsAt))];
  if (day.opensAt) marks.push(ms(day.opensAt), ms(day.closesAt));
  else marks.push(ms(day.beginsAt));
  const from = Math.floor((Math.min(...marks) - HOUR / 2) / (HOUR / 2)) * (HOUR / 2);
  const to = Math.ceil(Math.max(...marks) / (HOUR / 2)) * (HOUR / 2);
  return [Math.max(from, ms(day.beginsAt)), Math.min(Math.max(to, from + HOUR), ms(day.endsAt))];
}

const ms = (iso) => new Date(iso).getTime();

function hours(from, to) {
  const c = colours();
  const step = to - from > 10 * HOUR ? 2 * HOUR : HOUR;
  return { type: "linear", min: from, max: to, grid: { color: c.line }, afterBuildTicks: (axis) => (axis.ticks = ticks(from, to, step)), ticks: { autoSkip: true, autoSkipPadding: 12, maxRotation: 0, callback: (value) => hourMinute(value) } };
}

function ticks(from, to, step) {
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push({ value: at });
  return found;
}

const STEPS = [1, 2, 2.5, 5, 10];

/** Scales for two axes with their zeros at the same height, so that a line above it is a gain on both, and with common grid lines. */
function withOneZero(series) {
  const sizes = series.map((values) => Math.max(1, ...values.map(Math.abs)));
  const steps = sizes.map((size) => {
    const power = 10 ** Math.floor(Math.log10(size / 3));
    return power * STEPS.find((step) => step * power >= size / 3);
  });
  const most = (sign) => Math.max(...series.map((values, index) => Math.ceil(Math.max(0, ...values.map((value) => sign * value)) / steps[index])));
  const [up, down] = [most(1), most(-1)];
  return steps.map((step) => ({ min: -down * step, max: Math.max(up, 1 - down) * step, step }));
}

const scaled = (axis, { min, max, step }) => ({ ...axis, min, max, grace: 0, ticks: { ...axis.ticks, stepSize: step, autoSkip: false, maxTicksLimit: 12 } });
export const dollarsAxis = (c, position) => ({ position, grid: { color: ({ tick }) => (tick.value === 0 ? c.halt : c.line) }, border: { display: false }, grace: "8%", ticks: { maxTicksLimit: 6, callback: (value) => roundMoney(value) } });
export const legend = () => ({ align: "start", labels: { boxWidth: 18, boxHeight: 2 } });

export function put(name, config) {
  if (!globalThis.Chart) return;
  const c = colours();
  Object.assign(Chart.defaults, { animation: false, maintainAspectRatio: false, color: c.soft, borderColor: c.line });
  Object.assign(Chart.defaults.font, { family: getComputedStyle(document.body).fontFamily, size: 12 });
  const chart = charts[name];
  if (!chart) {
    charts[name] = new Chart(byId(name), config);
    return;
  }
  chart.data = config.data;
  chart.options = config.options;
  chart.update("none");
}

export function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (variable) => style.getPropertyValue(`--${variable}`).trim();
  return { text: read("text"), surface: read("surface"), soft: read("soft"), line: read("line"), accent: read("accent"), good: read("good"), goodGround: read("good-ground"), warn: read("warn"), bad: read("bad"), badGround: read("bad-ground"), halt: read("line-strong") };
}
