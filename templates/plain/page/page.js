// Signs users up, in and out with plain requests: no build, no library. Texts go into the page
// as text, never as markup, since a user can sign up under any name.

import { showAddress } from "./address.js";
import { $, ask, complain, only } from "./ask.js";
import { offerCode } from "./code.js";
import { forget, showLink } from "./mail.js";

const INPUTS = { name: "name", email: "email", password: "password" };
const form = document.querySelector("form");
let isNew = false; // whether the form creates an account

async function show() {
  const { ok, status, user, message } = await ask("GET", "api/auth/session");
  only(ok ? "member" : "stranger");
  $("problem").textContent = ok || status === 401 ? "" : message;
  if (!ok) return;
  $("greeting").textContent = `Hello, ${user.name}`;
  showAddress(user);
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
  $("with-code").hidden = isNew;
  $("password").autocomplete = isNew ? "new-password" : "current-password";
  complain({ ok: true }, INPUTS, "problem");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, ...values } = Object.fromEntries(new FormData(form));
  $("enter").disabled = true;
  const answer = isNew
    ? await ask("POST", "api/auth/sign-up", { name, ...values })
    : await ask("POST", "api/auth/sign-in", values);
  $("enter").disabled = false;
  complain(answer, INPUTS, "problem");
  if (!answer.ok) return;
  form.reset();
  if (answer.sent) $("problem").textContent = "A mail is on its way to you. Open the link in it.";
  else await show();
});

$("other").addEventListener("click", () => choose(!isNew));
$("forgot").addEventListener("click", () => forget($("email").value));
$("with-code").addEventListener("click", () => offerCode($("email").value, show));
$("ask").addEventListener("click", showMe);
$("leave").addEventListener("click", async () => {
  const { ok, message } = await ask("POST", "api/auth/sign-out");
  $("trouble").textContent = ok ? "" : `You are still signed in: ${message}`;
  if (!ok) return;
  choose(false);
  await show();
});

if (!showLink()) await show();
