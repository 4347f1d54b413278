// A link that proves an address: its token, and the password where nobody is signed in.

import { token } from "./fragment.js";
import { $, onSubmit, show, text } from "./page.js";

export function onProof(prove, done) {
  onSubmit("form", async (values) => {
    const result = await prove({ token, ...values });
    const code = result.error?.code;
    if (code === "password_required" || code === "no_session") {
      $("proof-password-field").hidden = false;
      $("proof-password").focus();
      return;
    }
    if (code === "invalid_token") {
      show("over");
      return;
    }
    if (result.data) {
      $("form").reset();
      $("done-lead").textContent = text(done, result.data.user);
      show("done");
    }
    return result;
  });
  if (!token) show("over");
}
