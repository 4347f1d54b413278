// The address of the user who is signed in: confirm it, or change it.

import { $, ask, complain } from "./ask.js";

const INPUTS = { new_email: "new-email", current_password: "current", code: "proved-code" };

export function showAddress({ email, email_verified }) {
  hideProofs();
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

/** Ask for a mail to a new address. Where the last proof is long ago, another is needed first. */
async function change({ new_email, current_password, code }) {
  const proof = !$("proof").hidden
    ? { password: current_password }
    : !$("proof-code").hidden && { code };
  if (proof) {
    const proved = await ask("POST", "api/auth/reauthenticate", proof);
    if (!proved.ok) return proved;
    hideProofs();
  }
  const answer = await ask("POST", "api/auth/change-email/request", { new_email });
  if (answer.code === "reauthentication_required") return askForProof(answer);
  if (answer.status !== 404) return answer;
  return { ...answer, message: "This site sends no mail, so nobody can change their address." };
}

/** Show the field for a proof that the user can give: a password, or a code that comes by mail. */
async function askForProof(answer) {
  if (answer.methods.includes("password")) {
    $("proof").hidden = false;
    $("current").focus();
    return answer;
  }
  if (!answer.methods.includes("code")) {
    return { ok: false, message: "Sign out and in again, then change your address." };
  }
  const sent = await sendProof();
  if (!sent.ok) return sent;
  $("proof-code").hidden = false;
  $("proved-code").focus();
  return answer;
}

function hideProofs() {
  $("proof").hidden = $("proof-code").hidden = true;
}

async function sendProof() {
  const answer = await ask("POST", "api/auth/reauthenticate/code/request");
  if (!answer.ok) return answer;
  $("move-sent").textContent = answer.sent
    ? "A mail with a code is on its way to you."
    : "No mail was sent: you have had several. Enter the code of the last one.";
  return answer;
}

$("another-proof").addEventListener("click", async () => {
  complain(await sendProof(), INPUTS, "move-problem");
});

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
