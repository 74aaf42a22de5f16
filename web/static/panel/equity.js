// The equity curve: what the account was worth, with what was open, over the hours in which the exchange was open or something changed.

import { get } from "./api.js";
import { colours, dollarsAxis, legend, onRedraw, put } from "./charts.js";
import { byId, setText } from "./dom.js";
import { bell, date, hourMinute, isSameDay, money, percent, signedMoney } from "./format.js";
import { now } from "./relative_time.js";

/** The axis is made of blocks of this length, in milliseconds. */
const BLOCK_MS = 1800_000;
/** A line ends where nothing was read for so many blocks. */
const GAP = 2.5;

let turn = 0;
let shown = null;

onRedraw(() => shown?.points.length && draw(shown));

/** Show the curve of the days and the mode in the filter *wanted*. */
export async function show(wanted) {
  const mine = ++turn;
  const asked = new URLSearchParams([...wanted].filter(([name]) => ["mode", "since", "until"].includes(name)));
  const answer = await get(`/stats/equity?${asked}`);
  if (mine !== turn) return;
  shown = answer.ok ? answer.body : null;
  byId("equity-picture").hidden = !shown?.points.length;
  setText("equity-title", shown ? `Equity, ${shown.mode}` : "Equity");
  setText("equity-text", shown ? described(shown) : answer.body.error);
  if (shown?.points.length) draw(shown);
}

function described({ points, everyMin }) {
  if (!points.length) return "No reading of the account is stored for these days.";
  const [first, last] = [points[0], points.at(-1)];
  const change = last.equity - first.equity;
  const share = first.equity > 0 ? ` (${percent(change / first.equity)})` : "";
  const [low, high] = [Math.min, Math.max].map((pick) => pick(...points.map((point) => point.equity)));
  const open = last.openPnl ? `; ${signedMoney(last.openPnl)} of it open` : "";
  const every = everyMin > 1 ? ` One point every ${everyMin < 60 ? `${everyMin}\u00a0min` : `${everyMin / 60}\u00a0h`}.` : "";
  return `From ${money(first.equity)} (${moment(first.at)}) to ${money(last.equity)} (${moment(last.at)}${open}): ${signedMoney(change)}${share}. Lowest ${money(low)}, highest ${money(high)}.${every}`;
}

const moment = (at) => `${date(at)}, ${hourMinute(at)} ET`;

/** Where times are on the axis: hours in which the exchange is closed and nothing changes have no place on it. */
function axisOf({ points, sessions }) {
  const blocks = new Set(points.map((point) => block(ms(point.at))));
  for (const { opensAt, closesAt } of sessions) for (let at = block(ms(opensAt)); at < ms(closesAt); at += BLOCK_MS) blocks.add(at);
  const starts = [...blocks].sort((one, other) => one - other);
  const index = new Map(starts.map((start, position) => [start, position]));
  return {
    starts,
    place: (at) => index.get(block(at)) + (at - block(at)) / BLOCK_MS,
  };
}

const ms = (iso) => new Date(iso).getTime();
const block = (at) => Math.floor(at / BLOCK_MS) * BLOCK_MS;

function draw(curve) {
  const axis = axisOf(curve);
  const at = curve.points.map((point) => axis.place(ms(point.at)));
  const line = curve.points.map((point, index) => ({ x: at[index], y: point.equity, point }));
  const closed = curve.points.map((point, index) => ({ x: at[index], y: point.openPnl === null ? null : point.equity - point.openPnl, point }));
  const spanGaps = GAP + (curve.everyMin * 60_000) / BLOCK_MS;
  const c = colours();
  put("equity-curve", {
    type: "line",
    data: {
      datasets: [
        { label: "Equity", data: line, borderColor: c.accent, backgroundColor: c.accent, borderWidth: 2, pointRadius: line.length > 1 ? 0 : 4, pointHitRadius: 8, spanGaps, fill: { target: 1, above: c.goodGround, below: c.badGround } },
        { label: "Without open P&L", data: closed, borderColor: c.soft, backgroundColor: c.soft, borderWidth: 1, borderDash: [4, 3], pointRadius: 0, pointHitRadius: 0, spanGaps },
      ],
    },
    options: {
      interaction: { mode: "nearest", axis: "x", intersect: false },
      scales: { x: hours(axis, c), y: dollarsAxis(c, "left") },
      plugins: {
        legend: legend(),
        tooltip: {
          filter: (item) => item.datasetIndex === 0,
          callbacks: {
            title: ([item]) => (item ? `${bell(item.raw.point.at, now())} ET` : ""),
            label: ({ raw }) => [`Equity: ${money(raw.y)}`, ...(raw.point.openPnl === null ? [] : [`Open P&L in it: ${signedMoney(raw.point.openPnl)}`])],
          },
        },
      },
    },
  });
}

/** Days where there are several, hours on one. */
function hours({ starts }, c) {
  const isNewDay = (start, index) => index === 0 || !isSameDay(starts[index - 1], start);
  const days = starts.filter(isNewDay).length;
  const ticks = starts.flatMap((start, index) => ((days > 1 ? isNewDay(start, index) : start % (2 * BLOCK_MS) === 0) ? [{ value: index, label: days > 1 ? date(start).replace(/^\w+, /, "") : hourMinute(start) }] : []));
  return { type: "linear", min: 0, max: starts.length, grid: { color: c.line }, afterBuildTicks: (scale) => (scale.ticks = ticks), ticks: { autoSkip: true, autoSkipPadding: 14, maxRotation: 0, callback: (_, index, all) => all[index].label } };
}
