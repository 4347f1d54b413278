import { client, $, note, onSubmit, text } from "../page.js";

onSubmit("change-password-form", async (values) => {
  const result = await client.changePassword(values);
  if (result.data) {
    note("password-note", text("panel_password.done"));
    $("change-password-form").reset();
    document.querySelector("[data-open=change-password-form]").click();
    $("password-title").focus();
  }
  return result;
});
