// The thresholds: what is typed is sent as it is, and the server says what is wrong with it.

import { get } from "./api.js";
import { byId } from "./dom.js";
import { send } from "./commands.js";

const form = byId("thresholds-form");
const fields = [...form.querySelectorAll("[data-field]")];
let config = null;

export const current = () => config;

export function bind(first, onChange) {
  if (first) show(first);
  form.addEventListener("input", mark);
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const field of fields) write(field, config);
    clearErrors();
    result("", "");
    mark();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(onChange);
  });
}

/** Read the thresholds anew; what somebody is typing here stays. Resolves with whether they could be read. */
export async function refresh() {
  const answer = await get("/config");
  if (answer.ok) show(answer.body);
  return answer.ok;
}

function show(now) {
  const before = config;
  config = now;
  for (const field of fields) {
    if (!before || !isChanged(field, before)) write(field, now);
  }
  mark();
}

const nameOf = (field) => field.dataset.field;
const inputs = (field) => [...field.querySelectorAll("input")];

function read(field) {
  const type = field.dataset.type;
  if (type === "tiers") return inputs(field).filter((box) => box.checked).map((box) => Number(box.value));
  if (type === "boolean") return inputs(field)[0].checked;
  const text = inputs(field)[0].value.trim().replaceAll(",", "");
  // what is no number is sent as text: the server's sentence about it is the one that counts
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function write(field, values) {
  if (!values) return;
  const value = values[nameOf(field)];
  const type = field.dataset.type;
  if (type === "tiers") {
    for (const box of inputs(field)) box.checked = value.includes(Number(box.value));
  } else if (type === "boolean") {
    inputs(field)[0].checked = value;
  } else {
    inputs(field)[0].value = Number(value).toLocaleString("en-US", { maximumFractionDigits: 6 });
  }
}

const isChanged = (field, values) => JSON.stringify(read(field)) !== JSON.stringify(values?.[nameOf(field)]);

function mark() {
  let count = 0;
  for (const field of fields) {
    const changed = config !== null && isChanged(field, config);
    field.dataset.changed = String(changed);
    count += changed ? 1 : 0;
  }
  const label = byId("save").querySelector(".label");
  const text = count ? `Save ${count} change${count > 1 ? "s" : ""}` : "Save";
  if (label.textContent !== text) label.textContent = text;
}

async function save(onChange) {
  const changed = fields.filter((field) => isChanged(field, config));
  clearErrors();
  if (!changed.length) {
    result("", "Nothing was changed.");
    return;
  }
  const reason = byId("thresholds-reason").value.trim();
  result("", "Queued…");
  const row = await send("update_config", Object.fromEntries(changed.map((field) => [nameOf(field), read(field)])), reason);
  if (row.status === "applied") {
    byId("thresholds-reason").value = "";
    config = (await get("/config")).body;
    for (const field of changed) write(field, config);
    mark();
    result("applied", `Saved: revision ${row.revision}.`);
    onChange();
    return;
  }
  const errors = row.details?.fields ?? {};
  for (const field of fields) {
    const reasons = errors[nameOf(field)];
    if (reasons) complain(field, reasons);
  }
  result("rejected", Object.keys(errors).length ? "Nothing was saved: see the fields that are marked." : `Nothing was saved. ${row.error ?? ""}`);
  form.querySelector('[aria-invalid="true"]')?.focus();
}

function complain(field, reasons) {
  const label = field.querySelector("label, .label").textContent;
  field.querySelector(".field-error").textContent = `${label} ${reasons.map(predicate).join("; ")}.`;
  for (const input of inputs(field)) input.setAttribute("aria-invalid", "true");
}

/** The server's words, some of which speak of an "input", as what is said of a field. */
const predicate = (reason) => reason.replace(/^(\w+ )?input should/i, "must");

function clearErrors() {
  for (const field of fields) {
    field.querySelector(".field-error").textContent = "";
    for (const input of inputs(field)) input.removeAttribute("aria-invalid");
  }
}

function result(outcome, text) {
  const shown = byId("thresholds-result");
  shown.dataset.outcome = outcome;
  shown.textContent = text;
}
