// The form to change the address. Where the last proof is long ago, it asks for another first.

import { $, fail, onClick, say } from "./dom.js";
import { onSubmit } from "./forms.js";
import * as session from "./session.js";

// The field of each way to prove it. The server says which ways the user has.
const FIELDS = { password: $("proof-by-password"), code: $("proof-by-code") };

const NO_CODE = "No mail was sent: there were three within 15 minutes. The last code may still work.";

export function startEmail() {
  onClick("proof-again", async () => {
    const answer = await sendCode();
    if (answer.ok) say(answer.value.sent ? "Another mail with a code is on its way." : NO_CODE);
    else if (session.state.user) fail(answer);
  });
  onSubmit("change-email", async ({ new_email, ...proof }) => {
    const proved = await prove(proof);
    if (!proved.ok) return proved;
    forgetProof();
    const answer = await session.call("POST", "/change-email/request", { body: { new_email } });
    if (answer.code === "reauthentication_required") return askForProof(answer);
    if (answer.ok) say("A mail to the new address is on its way.");
    return answer;
  });
}

export function forgetProof() {
  for (const field of Object.values(FIELDS)) field.hidden = true;
}

async function prove({ current_password, code }) {
  const way = Object.keys(FIELDS).find((one) => !FIELDS[one].hidden);
  if (!way) return { ok: true };
  const body = way === "code" ? { code } : { password: current_password };
  return session.begin("/reauthenticate", body, session.call);
}

async function askForProof(answer) {
  const way = answer.methods.find((one) => one in FIELDS);
  if (!way) return { ...answer, message: "Sign out and in again, then change the address." };
  const mailed = way === "code" ? await sendCode() : null;
  if (mailed && !mailed.ok) return mailed;
  FIELDS[way].hidden = false;
  FIELDS[way].querySelector("input").focus();
  return { ...answer, message: mailed && !mailed.value.sent ? NO_CODE : "" };
}

const sendCode = () => session.call("POST", "/reauthenticate/code/request");
