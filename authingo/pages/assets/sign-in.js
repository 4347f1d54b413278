import { client, $, onClick, onSubmit, show, showNote, text } from "./page.js";
import { goOn, goOnOnce } from "./next.js";

let email = ""; // that a code was sent to

onSubmit("password-form", async (values) => {
  const result = await client.signIn.email(values);
  if (result.data) goOn();
  if (result.error?.code !== "email_not_verified") return result;
  $("unverified-to").textContent = text("sign_in.unverified", values);
  show("unverified");
});

onClick("with-code", () => {
  $("code-email").value = $("email").value;
  show("code-card");
});

onSubmit("code-form", async (values) => {
  const result = await client.requestSignInCode(values);
  if (!result.data) return result;
  ({ email } = values);
  $("code-to").textContent = text("sign_in.code_sent", { email });
  show("code-sent");
  $("code").focus();
});

onSubmit("code-entry", async (values) => {
  const result = await client.signIn.code(values);
  if (result.data) goOn();
  return result;
});

showNote();
const { data } = await client.getSession();
if (data && !goOnOnce()) $("sent-back").hidden = false;
