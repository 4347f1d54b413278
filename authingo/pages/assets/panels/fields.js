import { busy, client, $, el, facts, note, text, wordsOf } from "../page.js";

// Your own fields. Each keeps the value that it showed, so that only what changed is sent.
const own = facts.own_fields.map((field) => {
  const id = `own-${field.name}`;
  const input = field.options.length
    ? el("select", { id }, ...optionsOf(field))
    : el("input", { id, type: field.type, step: field.whole ? "1" : "any" });
  const error = el("p", { id: `${id}-error`, className: "error", hidden: true });
  const hint = el("p", { id: `${id}-hint`, className: "hint", textContent: field.hint, hidden: !field.hint });
  input.setAttribute("aria-describedby", `${hint.id} ${error.id}`);
  const label = el("label", { htmlFor: id, textContent: field.label });
  $("fields-inputs").append(el("div", { className: "field" }, label, input, hint, error));
  return { ...field, input, error, known: undefined };
});

function optionsOf({ nullable, options }) {
  return [...(nullable ? [""] : []), ...options].map((value) => el("option", { value, textContent: value }));
}

function read({ input, type, nullable }) {
  if (type === "checkbox") return input.checked;
  if (input.value === "" && nullable) return null;
  return type === "number" && input.value !== "" ? Number(input.value) : input.value;
}

function write(field, value) {
  if (field.type === "checkbox") field.input.checked = Boolean(value);
  else field.input.value = value ?? "";
  field.known = read(field);
}

export function update({ user }) {
  for (const field of own) {
    const typed = field.known !== undefined && read(field) !== field.known;
    if (!typed && user.profile && field.name in user.profile) write(field, user.profile[field.name]);
  }
}

function showErrors({ fields: wrong = {}, ...error } = {}) {
  let first;
  for (const field of own) {
    const words = wrong[`profile.${field.name}`];
    field.error.textContent = words ? `${field.label} ${words}.` : "";
    field.error.hidden = !words;
    field.input.toggleAttribute("aria-invalid", Boolean(words));
    if (words) first ??= field.input;
  }
  first?.focus();
  note("fields-problem", error.code && !first ? wordsOf(error) : "");
}

$("fields-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busy($("fields-form").querySelector("button"), async () => {
    const changed = own.filter((field) => read(field) !== field.known);
    const profile = Object.fromEntries(changed.map((field) => [field.name, read(field)]));
    const { data, error } = await client.updateUser({ profile });
    showErrors(error ?? undefined);
    if (!data) return;
    for (const field of changed) write(field, data.user.profile[field.name]);
    note("fields-note", text("panel_fields.done"));
    $("fields-title").focus();
  });
});
