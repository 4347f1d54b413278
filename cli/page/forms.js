// Forms whose errors stand next to their fields.

import { $, busy, say } from "./dom.js";

// Errors that are about one field although the server names none.
const FIELD_OF = {
  email_taken: "email",
  invalid_credentials: "password",
  wrong_password: "current_password",
  invalid_token: "code",
};

// Sends the values of a form with `task`, and shows the errors in the answer.
export function onSubmit(id, task) {
  const form = $(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = form.querySelector("button:not([type=button])");
    busy(button, async () => {
      const answer = await task(Object.fromEntries(new FormData(form)));
      if (answer.ok) {
        showErrors(form, {}, "");
        form.reset();
      } else {
        showAnswer(form, answer);
      }
    });
  });
}

function showAnswer(form, { code, message, fields = {} }) {
  say(""); // an earlier success has nothing to do with this error
  const field = FIELD_OF[code];
  if (field && form.elements[field]) {
    showErrors(form, { [field]: message }, "");
    return;
  }
  const here = Object.entries(fields).filter(([name]) => form.elements[name]);
  const sentences = here.map(([name, text]) => [name, `${labelOf(form.elements[name])} ${text}.`]);
  showErrors(form, Object.fromEntries(sentences), here.length ? "" : message);
}

const labelOf = (input) => input.labels[0].textContent;

function showErrors(form, errors, whole) {
  let first = null;
  for (const input of form.querySelectorAll("input[name]")) {
    const error = errors[input.name] ?? "";
    const text = $(`${input.id}-error`);
    text.textContent = error;
    text.hidden = !error;
    if (error) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    first ??= error ? input : null;
  }
  const about = form.querySelector(".whole");
  about.textContent = whole;
  about.hidden = !whole;
  first?.focus();
}
