// The address of the user who is signed in: confirm it, or change it.

import { $, ask, complain } from "./ask.js";

const INPUTS = { new_email: "new-email", current_password: "current" };

export function showAddress({ email, email_verified }) {
  $("address").textContent = email_verified ? email : `${email} is not confirmed yet.`;
  $("again").hidden = email_verified;
  if (email_verified) $("again-said").textContent = "";
}

/** Send the link to confirm the address again, and return what to say about that. */
export async function sendAgain() {
  const { ok, status, sent, message } = await ask("POST", "api/auth/verify-email/request");
  if (status === 404) return "This site does not confirm addresses.";
  if (!ok) return message;
  return sent ? "A mail is on its way." : "It is confirmed already.";
}

/** Ask for a mail to a new address. Where the last sign-in is long ago, the password is needed. */
async function change({ new_email, current_password }) {
  if (!$("proof").hidden) {
    const proved = await ask("POST", "api/auth/reauthenticate", { password: current_password });
    if (!proved.ok) return proved;
    $("proof").hidden = true;
  }
  const answer = await ask("POST", "api/auth/change-email/request", { new_email });
  if (answer.code === "reauthentication_required") {
    $("proof").hidden = false;
    $("current").focus();
  }
  if (answer.status !== 404) return answer;
  return { ...answer, message: "This site sends no mail, so nobody can change their address." };
}

$("again").addEventListener("click", async () => {
  $("again-said").textContent = await sendAgain();
});

$("move").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("move-sent").textContent = "";
  $("change").disabled = true;
  const answer = await change(Object.fromEntries(new FormData($("move"))));
  $("change").disabled = false;
  complain(answer, INPUTS, "move-problem");
  if (!answer.ok) return;
  $("move").reset();
  $("move-sent").textContent = "A mail with a link is on its way to the new address.";
});
