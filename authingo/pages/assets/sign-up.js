import { client, $, onSubmit, show, text } from "./page.js";
import { goOn } from "./next.js";

onSubmit("form", async (values) => {
  const result = await client.signUp.email(values);
  if (result.data?.sent) {
    $("sent-to").textContent = text("sign_up.sent", values);
    show("sent");
  } else if (result.data) {
    goOn();
  }
  return result;
});
