// The thresholds: changes are shown before they are saved, and the server's errors beside the fields.

import { get } from "./api.js";
import { byId, el } from "./dom.js";
import { send } from "./commands.js";
import { parse } from "./numbers.js";

const form = byId("thresholds-form");
const fields = [...form.querySelectorAll("[data-field]")];
const dialog = byId("thresholds-dialog");
/** A change by this factor or more gets a warning before it is saved. */
const MUCH = 2;
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
    review();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "yes") save(onChange);
    dialog.returnValue = "";
  });
}

/** Read the thresholds again; what is being typed stays. Resolves with whether they could be read. */
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
  const { text, error } = parse(inputs(field)[0].value);
  return error ? inputs(field)[0].value : Number(text); // anything but a number is never sent
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
    inputs(field)[0].value = written(value);
  }
}

const written = (value) => (typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 6 }) : typeof value === "boolean" ? (value ? "on" : "off") : Array.isArray(value) ? value.join(", ") || "none" : value);
const shown = (before, after) => `${written(before)} → ${written(after)}`.replaceAll("-", "−");
const labelOf = (field) => field.querySelector("label, .label").textContent;
const unitOf = (field) => field.querySelector(".unit")?.textContent ?? "";
const isChanged = (field, values) => JSON.stringify(read(field)) !== JSON.stringify(values?.[nameOf(field)]);

function mark() {
  let count = 0;
  for (const field of fields) {
    const changed = config !== null && isChanged(field, config);
    field.dataset.changed = String(changed);
    field.querySelector(".change").textContent = changed && typeof read(field) !== "string" ? shown(config[nameOf(field)], read(field)) : "";
    count += changed ? 1 : 0;
  }
  const label = byId("save").querySelector(".label");
  const text = count ? `Save ${count} change${count > 1 ? "s" : ""}` : "Save";
  if (label.textContent !== text) label.textContent = text;
}

const changedFields = () => fields.filter((field) => isChanged(field, config));

/** Show the old and the new values, and ask for confirmation. */
function review() {
  const changed = changedFields();
  clearErrors();
  if (!changed.length) {
    result("", "Nothing was changed.");
    return;
  }
  for (const field of changed) {
    const error = field.dataset.type === "number" && parse(inputs(field)[0].value).error;
    if (error) complain(field, [error]);
  }
  if (form.querySelector('[aria-invalid="true"]')) {
    result("rejected", "Nothing was saved: see the fields that are marked.");
    form.querySelector('[aria-invalid="true"]').focus();
    return;
  }
  byId("thresholds-changes").replaceChildren(...changed.map(changeRow));
  dialog.showModal();
}

function changeRow(field) {
  const [before, after] = [config[nameOf(field)], read(field)];
  const factor = typeof before === "number" && before > 0 && after > 0 ? Math.max(after / before, before / after) : 1;
  const much = factor >= MUCH ? `${after > before ? "" : "1/"}${Number(factor.toFixed(1))} of what it is` : "";
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, labelOf(field)),
    el("td", { class: "number" }, written(before)),
    el("td", { class: "number" }, el("strong", {}, `→ ${written(after)}`), ` ${unitOf(field)}`),
    el("td", { class: "flagged" }, after > before ? much.replace(" of what it is", " times as much") : much),
  );
}

async function save(onChange) {
  const changed = changedFields();
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
  field.querySelector(".field-error").textContent = `${labelOf(field)} ${reasons.map(predicate).join("; ")}.`;
  for (const input of inputs(field)) input.setAttribute("aria-invalid", "true");
}

/** The server's message about an "input", reworded for a field. */
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
