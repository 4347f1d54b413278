// Signs users up, in and out with plain requests: no build, no library. Texts go into the page
// as text, never as markup, since a user can sign up under any name.

import { $, ask } from "./ask.js";
import { forget, showLink } from "./mail.js";

const form = document.querySelector("form");
let isNew = false; // whether the form creates an account

async function show() {
  const { ok, status, user, message } = await ask("GET", "api/auth/session");
  $("stranger").hidden = ok;
  $("member").hidden = !ok;
  $("problem").textContent = ok || status === 401 ? "" : message;
  if (!ok) return;
  $("greeting").textContent = `Hello, ${user.name}`;
  await showMe();
}

async function showMe() {
  const { ok, status, message, ...me } = await ask("GET", "api/me");
  if (status === 401) return show();
  $("answer").textContent = ok ? JSON.stringify(me, null, 2) : message;
}

function choose(newcomer) {
  isNew = newcomer;
  $("title").textContent = isNew ? "Create your account" : "Welcome back";
  $("enter").textContent = isNew ? "Create account" : "Sign in";
  $("question").textContent = isNew ? "Been here before?" : "New here?";
  $("other").textContent = isNew ? "Sign in" : "Create an account";
  $("name-field").hidden = !isNew;
  $("forgot").hidden = isNew;
  $("password").autocomplete = isNew ? "new-password" : "current-password";
  complain({});
}

/** Show what is wrong: at the fields that the answer names, else above the button. */
function complain({ fields = {}, message = "" }) {
  for (const name of ["name", "email", "password"]) {
    $(`${name}-said`).textContent = fields[name] ? `This ${fields[name]}.` : "";
    $(name).ariaInvalid = String(name in fields);
  }
  $("problem").textContent = Object.keys(fields).length ? "" : message;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, ...values } = Object.fromEntries(new FormData(form));
  $("enter").disabled = true;
  const answer = isNew
    ? await ask("POST", "api/auth/sign-up", { name, ...values })
    : await ask("POST", "api/auth/sign-in", values);
  $("enter").disabled = false;
  complain(answer.ok ? {} : answer);
  if (!answer.ok) return;
  form.reset();
  if (answer.sent) $("problem").textContent = "A mail is on its way to you. Open the link in it.";
  else await show();
});

$("other").addEventListener("click", () => choose(!isNew));
$("forgot").addEventListener("click", () => forget($("email").value));
$("ask").addEventListener("click", showMe);
$("leave").addEventListener("click", async () => {
  const { ok, message } = await ask("POST", "api/auth/sign-out");
  $("trouble").textContent = ok ? "" : `You are still signed in: ${message}`;
  if (!ok) return;
  choose(false);
  await show();
});

if (!showLink()) await show();
