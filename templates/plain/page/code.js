// Sign in with a code that comes by mail, where authingo.toml has mail.email_code = true.

import { $, ask, complain, only } from "./ask.js";

let signedIn; // what to do then

/** Ask for the address that gets a mail with a code. */
export function offerCode(email, then) {
  signedIn = then;
  only("coded");
  step("ask-code");
  $("coded-email").value = email;
  $("coded-email").focus();
}

/** Show one of the two forms. */
function step(id) {
  for (const form of ["ask-code", "enter-code"]) $(form).hidden = form !== id;
  $("another-code").hidden = id !== "enter-code";
}

$("ask-code").addEventListener("submit", async (event) => {
  event.preventDefault();
  const email = $("coded-email").value;
  const answer = await ask("POST", "api/auth/sign-in/code/request", { email });
  if (answer.status === 404) answer.message = "This site sends no codes.";
  complain(answer, { email: "coded-email" }, "ask-code-problem");
  if (!answer.ok) return;
  step("enter-code");
  $("code-hint").textContent =
    `If there is an account with ${email}, a code is on its way. It works for ten minutes, in ` +
    "this browser only.";
  $("code").focus();
});

$("enter-code").addEventListener("submit", async (event) => {
  event.preventDefault();
  event.submitter.disabled = true;
  const answer = await ask("POST", "api/auth/sign-in/code", { code: $("code").value });
  event.submitter.disabled = false;
  complain(answer, { code: "code" }, "enter-code-problem");
  if (!answer.ok) return;
  $("enter-code").reset();
  await signedIn();
});

$("another-code").addEventListener("click", () => {
  $("enter-code").reset();
  complain({ ok: true }, { code: "code" }, "enter-code-problem");
  step("ask-code");
  $("coded-email").focus();
});
