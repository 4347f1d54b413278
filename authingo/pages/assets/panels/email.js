import { client, $, busy, note, onClick, onSubmit, text, wordsOf } from "../page.js";
import { withRecent } from "../recent.js";
import { ago } from "../times.js";

let shown; // the address for which it was asked what waits
let waiting; // the address that a change waits for

export function update({ user }) {
  const state = user.email_verified ? "verified" : "not_verified";
  $("email-now").textContent = user.email;
  $("email-state").textContent = text(`panel_email.${state}`);
  $("email-state").classList.toggle("good", user.email_verified);
  const verify = $("email-verify");
  if (verify) verify.hidden = user.email_verified;
  if (shown === user.email) return;
  shown = user.email;
  showWaiting();
}

// Where it cannot be found out, nothing is shown: the change goes on all the same.
async function showWaiting() {
  const { data } = await client.getEmailChange();
  waiting = data?.new_email;
  $("email-waiting").hidden = !waiting;
  if (!waiting) return;
  const facts = { email: waiting, time: ago(data.requested_at) };
  $("email-waiting-text").textContent = text("panel_email.waiting", facts);
}

$("email-verify")?.addEventListener("click", ({ currentTarget }) =>
  busy(currentTarget, async () => {
    const { data, error } = await client.requestEmailVerification();
    const { email } = client.getState().user ?? {};
    const said = data?.sent ? "panel_email.verify_sent" : "panel_email.verify_not_sent";
    note("email-note", error ? wordsOf(error) : text(said, { email }));
  }),
);

async function request(values) {
  const result = await withRecent(() => client.requestEmailChange(values));
  if (result.data) {
    note("email-note", text("panel_email.sent", { email: values.new_email }));
    showWaiting();
  }
  return result;
}

onSubmit("email-form", async (values) => {
  const result = await request(values);
  if (result.data) {
    $("email-form").reset();
    document.querySelector("[data-open=email-form]").click();
    $("email-title").focus();
  }
  return result;
});

onClick("email-again", async () => {
  const { error } = await request({ new_email: waiting });
  if (error) note("email-note", wordsOf(error));
});

onClick("email-cancel", async () => {
  const { error } = await client.cancelEmailChange();
  note("email-note", error ? wordsOf(error) : text("panel_email.cancelled"));
  if (error) return;
  $("email-title").focus();
  await showWaiting();
});
