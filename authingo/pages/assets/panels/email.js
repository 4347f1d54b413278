import { client, $, busy, note, onSubmit, text, wordsOf } from "../page.js";
import { withRecent } from "../recent.js";

export function update({ user }) {
  const state = user.email_verified ? "verified" : "not_verified";
  $("email-now").textContent = user.email;
  $("email-state").textContent = text(`panel_email.${state}`);
  $("email-state").classList.toggle("good", user.email_verified);
  const verify = $("email-verify");
  if (verify) verify.hidden = user.email_verified;
}

$("email-verify")?.addEventListener("click", ({ currentTarget }) =>
  busy(currentTarget, async () => {
    const { data, error } = await client.requestEmailVerification();
    const { email } = client.getState().user ?? {};
    const said = data?.sent ? "panel_email.verify_sent" : "panel_email.verify_not_sent";
    note("email-note", error ? wordsOf(error) : text(said, { email }));
  }),
);

onSubmit("email-form", async (values) => {
  const result = await withRecent(() => client.requestEmailChange(values));
  if (result.data) {
    note("email-note", text("panel_email.sent", { email: values.new_email }));
    $("email-form").reset();
    document.querySelector("[data-open=email-form]").click();
    $("email-title").focus();
  }
  return result;
});
