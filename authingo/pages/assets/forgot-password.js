import "./next.js"; // the way back keeps ?next=
import { client, $, onSubmit, show, text } from "./page.js";

onSubmit("form", async (values) => {
  const result = await client.requestPasswordReset(values);
  if (result.data) {
    $("sent-to").textContent = text("forgot_password.sent", values);
    show("sent");
  }
  return result;
});
