// Some changes need a recent sign-in. This asks for a proof in a dialog; the client repeats the change.

import { client, $, onSubmit, text } from "./page.js";

let settle; // ends the question that is open

client.onReauthenticationRequired(ask);

// What a task was refused for is no error to show, if the user did not want to prove anything.
export async function withRecent(task) {
  const result = await task();
  if (result.error?.code !== "reauthentication_required") return result;
  return { data: null, error: { code: "cancelled", message: "" } };
}

function ask(methods) {
  const { email } = client.getState().user ?? { email: "" };
  const way = methods.includes("password") ? "password" : methods.includes("code") ? "send" : null;
  step(way, text(way === "password" ? "recent.password_lead" : way ? "recent.code_lead" : "recent.none", { email }));
  $("recent").showModal();
  return new Promise((resolve) => {
    settle = resolve;
  });
}

function step(way, words) {
  for (const one of ["password", "send", "code"]) $(`recent-${one}`).hidden = one !== way;
  $("recent-lead").textContent = words;
  if (way) $(`recent-${way}`).querySelector("input:not([hidden]), button.main")?.focus();
}

async function prove(proof) {
  const result = await client.reauthenticate(proof);
  if (result.data) close(true);
  return result;
}

function close(proved) {
  for (const form of $("recent").querySelectorAll("form")) form.reset();
  const done = settle;
  settle = undefined;
  $("recent").close();
  done?.(proved);
}

onSubmit("recent-password", ({ password }) => prove({ password }));
onSubmit("recent-code", ({ code }) => prove({ code }));
onSubmit("recent-send", async () => {
  const result = await client.requestReauthenticationCode();
  if (!result.data) return result;
  const { email } = client.getState().user;
  step("code", text(result.data.sent ? "recent.code_sent" : "recent.code_not_sent", { email }));
});
$("recent-cancel").addEventListener("click", () => close(false));
$("recent").addEventListener("close", () => settle && close(false)); // by Escape
