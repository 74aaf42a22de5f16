// The lists: command log, trades, days, alerts and reports, with filters, details and older pages.

import { get } from "./api.js";
import { byId, el, keepFocus } from "./dom.js";
import { show as showEquity } from "./equity.js";
import { midnight } from "./format.js";
import { LISTS } from "./list_rows.js";
import { rowToggle } from "./rows.js";
import { show as showSummary } from "./summary.js";

const PAGE = 25;

const lists = new Map();
let defaults = {};

class List {
  constructor(panel) {
    this.panel = panel;
    this.body = panel.querySelector("tbody");
    this.more = panel.querySelector(".more button");
    this.shownText = panel.querySelector(".shown");
    this.form = panel.querySelector(".filters");
    this.csv = panel.querySelector(".csv");
    this.spec = LISTS[panel.id];
    this.opened = new Set(); // ids of the rows whose details are shown
    this.pages = 1;
    this.turn = 0;
    // a table that is laid out as cards would lose its roles
    for (const [selector, role] of [["table", "table"], ["thead, tbody", "rowgroup"], ["thead tr", "row"], ["th", "columnheader"]]) {
      for (const element of panel.querySelectorAll(selector)) element.setAttribute("role", role);
    }
    this.form.addEventListener("change", () => this.filter());
    this.form.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.filter(), 300);
    });
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.more.addEventListener("click", () => {
      this.pages += 1;
      this.load();
    });
  }

  filter() {
    this.pages = 1;
    this.load();
  }

  /** Resolves with whether it was read, or did not have to be. */
  async load() {
    const turn = ++this.turn;
    const wanted = this.wanted();
    const items = [];
    let cursor = null;
    for (let page = 0; page < this.pages; page += 1) {
      const query = new URLSearchParams(wanted);
      query.set("limit", PAGE);
      if (cursor) query.set("cursor", cursor);
      const answer = await get(`${this.panel.dataset.list}?${query}`);
      if (turn !== this.turn) return true; // a later filter has overtaken this one
      if (!answer.ok) {
        this.shownText.textContent = answer.body.error ?? "It could not be read.";
        return answer.status >= 400 && answer.status < 500; // it would be rejected again
      }
      items.push(...answer.body.items);
      cursor = answer.body.nextCursor;
      if (!cursor) break;
    }
    const more = { before: this.panel.id === "commands" && items.some(({ kind }) => kind === "update_config") ? await valuesBefore() : new Map() };
    if (turn !== this.turn) return true;
    if (this.panel.id === "trades-list") showSummary(wanted);
    if (this.panel.id === "days") showEquity(wanted);
    this.show(items, more, wanted.size > 0);
    this.shownText.textContent = items.length ? `${items.length} shown, the newest first` : "";
    this.more.hidden = !cursor;
    wanted.set("format", "csv");
    this.csv.href = `/api/bot${this.panel.dataset.list}?${wanted}`;
    return true;
  }

  /** The form's filter, as the server takes it. */
  wanted() {
    const found = new URLSearchParams();
    for (const input of this.form.querySelectorAll("[name]")) {
      const value = input.value.trim();
      if (!value) continue;
      // a moment is asked for where a command is issued within a day; the last day is meant as a whole
      found.set(input.name, input.dataset.day === "moment" ? midnight(value, input.name === "until" ? 1 : 0) : value);
    }
    return found;
  }

  show(items, more, isFiltered) {
    const text = JSON.stringify([items, [...more.before]]);
    if (this.shown === text) return; // what has the focus, or is selected, stays
    this.shown = text;
    const columns = this.panel.querySelectorAll("thead th").length;
    const rows = items.flatMap((item) => this.rowsOf(item, more, columns));
    if (!rows.length) rows.push(el("tr", { role: "row" }, el("td", { role: "cell", colspan: columns, class: "none" }, isFiltered ? "Nothing matches." : "Nothing yet.")));
    keepFocus(this.body, () => this.body.replaceChildren(...rows));
  }

  rowsOf(item, more, columns) {
    const { id, name, cells } = this.spec;
    const made = el("tr", { role: "row", "data-id": id(item) }, ...cells(item, more));
    const open = (row) => row.after(this.detailsOf(item, more, columns));
    made.append(
      rowToggle(id(item), this.opened, `Details of ${name(item)}`, (row, isOpen) => {
        if (isOpen) open(row);
        else if (row.nextElementSibling?.matches(".details")) row.nextElementSibling.remove();
      }),
    );
    const isOpen = this.opened.has(id(item));
    made.dataset.open = String(isOpen);
    return isOpen ? [made, this.detailsOf(item, more, columns)] : [made];
  }

  detailsOf(item, more, columns) {
    const content = el("td", { role: "cell", colspan: columns }, "Reading…");
    this.spec.details(item, more).then((parts) => content.replaceChildren(...parts));
    return el("tr", { role: "row", class: "details" }, content);
  }
}

/** The values before each change of thresholds, by the command's id. */
async function valuesBefore() {
  const answer = await get("/commands?kind=update_config&status=applied&limit=200");
  if (!answer.ok) return new Map();
  const oldestFirst = answer.body.items.reverse();
  // if the whole log is known, a value that was never changed is the default
  const values = answer.body.nextCursor ? {} : { ...defaults };
  return new Map(
    oldestFirst.map(({ id, params }) => {
      const before = Object.fromEntries(Object.keys(params).filter((name) => name in values).map((name) => [name, values[name]]));
      Object.assign(values, params);
      return [id, before];
    }),
  );
}

export function bind(thresholdDefaults) {
  defaults = thresholdDefaults;
  if (matchMedia("(max-width: 760px)").matches) for (const box of document.querySelectorAll(".filter-box")) box.open = false;
  for (const panel of document.querySelectorAll("[data-list]")) lists.set(panel.id, new List(panel));
}

/** Let the list *id* show what matches *values*, without any other filter. */
export function filterBy(id, values) {
  const list = lists.get(id);
  for (const input of list.form.querySelectorAll("[name]")) input.value = values[input.name] ?? "";
  list.filter();
}

/** Read the list again if it is the one that is shown. */
export function refresh(id) {
  const list = lists.get(id);
  return list && !byId(id).hidden ? list.load() : Promise.resolve(true);
}

/** Resolves with whether what is shown could be read. */
export async function refreshShown() {
  return (await Promise.all([...lists.keys()].map(refresh))).every(Boolean);
}
