import { token } from "./fragment.js";
import { client, $, onSubmit, show, showWhole, text } from "./page.js";

onSubmit("form", async (values) => {
  const result = await client.undoEmailChange({ token, ...values });
  if (result.data) {
    $("form").reset();
    show("done");
  } else if (result.error.code === "invalid_token") {
    // The address may have been mistyped, which spends nothing.
    showWhole($("form"), text("undo_email_change.wrong"));
    return;
  }
  return result;
});

if (!token) show("over");
