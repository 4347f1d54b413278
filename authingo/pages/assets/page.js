// What every page shares: its facts and texts, its forms, and how it shows what happens.

import { createAuthClient } from "./client.js";

export const facts = JSON.parse(document.querySelector('meta[name="authingo"]').content);
export const client = createAuthClient({ baseURL: location.origin + facts.routes });
export const $ = (id) => document.getElementById(id);

export function text(name, values = {}) {
  return facts.texts[name].replace(/\{(\w+)\}/g, (place, key) => values[key] ?? place);
}

// Nodes are filled with text, never with markup: names come from strangers.
export function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// Shows one of the cards, and tells a screen reader by moving the focus to its heading.
export function show(id) {
  for (const card of document.querySelectorAll("main > .card")) card.hidden = card.id !== id;
  $(id).querySelector("h1").focus();
}

export function note(id, words) {
  const place = $(id);
  place.textContent = words;
  place.hidden = !words;
}

// Words for an error: of the catalogue, or else those of the server.
export function wordsOf({ code, message, retryAfter }) {
  const known = facts.texts[`errors.${code}`];
  return known ? text(`errors.${code}`, { time: lengthOf(retryAfter ?? 1) }) : message;
}

function lengthOf(seconds) {
  const [amount, unit] =
    seconds < 100 ? [seconds, "second"] : seconds < 5400 ? [Math.ceil(seconds / 60), "minute"] : [Math.ceil(seconds / 3600), "hour"];
  const options = { style: "unit", unit, unitDisplay: "long" };
  return new Intl.NumberFormat(facts.language, options).format(amount);
}

// A text that the next page shows, by its name in the catalogue.
export function leaveNote(name) {
  try {
    sessionStorage.setItem("authingo", name);
  } catch {
    // The browser keeps nothing, so the next page says nothing.
  }
}

export function showNote() {
  try {
    const name = sessionStorage.getItem("authingo");
    sessionStorage.removeItem("authingo");
    note("flash", Object.hasOwn(facts.texts, name) ? text(name) : "");
  } catch {
    // likewise
  }
}

// Runs a task for a button, which ignores clicks meanwhile and keeps the focus.
export async function busy(button, task) {
  if (button.getAttribute("aria-busy") || button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-busy", "true");
  try {
    await task();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

export function onClick(id, task) {
  $(id)?.addEventListener("click", (event) => busy(event.currentTarget, task));
}

// Errors that are about one field although the server names none.
const FIELD_OF = {
  email_taken: ["email", "new_email"],
  invalid_credentials: ["password"],
  wrong_password: ["current_password", "password"],
  invalid_token: ["code"],
};

// Sends the values of a form with `task`, which returns the client's result, and shows its error.
export function onSubmit(id, task) {
  const form = $(id);
  if (!form) return;
  const button = form.querySelector("button.main");
  form.addEventListener("input", ({ target }) => target.name && showError(target, ""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    hidePasswords(form);
    busy(button, async () => {
      if (!isComplete(form)) return;
      showWhole(form, "");
      const values = shown(form).map((input) => [input.name, input.value]);
      const { error } = (await task(Object.fromEntries(values))) ?? {};
      if (error) showFailure(form, button, error);
    });
  });
}

export const shown = (form) =>
  [...form.querySelectorAll("input[name]")].filter((input) => !input.closest("[hidden]"));

function isComplete(form) {
  let first;
  for (const input of shown(form)) {
    const problem = problemOf(input);
    showError(input, problem);
    if (problem) first ??= input;
  }
  first?.focus();
  return !first;
}

// What the server would refuse too.
function problemOf(input) {
  if (!input.value.trim()) return text("errors.required");
  if (input.validity.typeMismatch) return text("errors.not_an_email");
  const isNew = input.autocomplete === "new-password";
  return isNew && [...input.value].length < facts.min_length ? text("errors.too_short") : "";
}

function showError(input, words) {
  const place = $(`${input.id}-error`);
  place.textContent = words;
  place.hidden = !words;
  if (words) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function showWhole(form, words) {
  const place = form.querySelector(".whole");
  place.textContent = words;
  place.hidden = !words;
}

function showFailure(form, button, error) {
  const inputs = shown(form);
  let first;
  for (const input of inputs) {
    const own = error.fields?.[input.name];
    const about = FIELD_OF[error.code]?.includes(input.name);
    if (!own && !about) continue;
    showError(input, own ? `${input.labels[0].textContent} ${own}.` : wordsOf(error));
    first ??= input;
  }
  if (first) first.focus();
  else if (error.code !== "cancelled") showWhole(form, wordsOf(error));
  if (error.retryAfter) wait(form, button, error.retryAfter);
}

// Counts down on the button. A screen reader was told how long it takes, and hears no number.
function wait(form, button, seconds) {
  const usual = button.textContent;
  const until = Date.now() + seconds * 1000;
  button.setAttribute("aria-disabled", "true");
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left > 0) {
      const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      button.textContent = text("common.wait", { time: clock });
      return;
    }
    clearInterval(timer);
    button.textContent = usual;
    button.removeAttribute("aria-disabled");
    showWhole(form, "");
  };
  const timer = setInterval(tick, 250);
  tick();
}

// Passwords can be shown, and how long a new one is.

function hidePasswords(form) {
  for (const button of form.querySelectorAll(".reveal[aria-pressed=true]")) reveal(button, false);
}

function reveal(button, visible) {
  $(button.getAttribute("aria-controls")).type = visible ? "text" : "password";
  button.setAttribute("aria-pressed", String(visible));
  button.textContent = text(visible ? "fields.hide" : "fields.show");
}

const GOOD_LENGTH = 15; // characters (NIST SP 800-63B-4 §3.1.1.1: where it is the only factor)

function measure(meter) {
  const input = $(meter.dataset.for);
  const hint = $(`${input.id}-hint`);
  const usual = hint.textContent;
  input.addEventListener("input", () => {
    const length = [...input.value].length;
    const missing = facts.min_length - length;
    const good = Math.max(GOOD_LENGTH, facts.min_length);
    meter.dataset.level = !length ? "" : missing > 0 ? "short" : length < good ? "enough" : "good";
    meter.firstElementChild.style.inlineSize = `${Math.min(1, length / good) * 100}%`;
    hint.textContent = !length
      ? usual
      : missing === 1
        ? text("fields.missing_one")
        : missing > 1
          ? text("fields.missing_some", { count: missing })
          : text(length < good ? "fields.long_enough" : "fields.strong");
  });
  input.form.addEventListener("reset", () => {
    hint.textContent = usual;
    meter.dataset.level = "";
    meter.firstElementChild.style.inlineSize = "0";
  });
}

for (const button of document.querySelectorAll(".reveal")) {
  button.addEventListener("click", () => {
    reveal(button, button.getAttribute("aria-pressed") === "false");
    $(button.getAttribute("aria-controls")).focus();
  });
}
for (const meter of document.querySelectorAll(".meter")) measure(meter);
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => show(button.dataset.show));
}

const online = () => ($("offline").hidden = navigator.onLine);
addEventListener("online", online);
addEventListener("offline", online);
online();
