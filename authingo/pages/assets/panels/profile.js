import { client, $, note, onSubmit, text } from "../page.js";
import { dayOf } from "../times.js";

export function update({ user }) {
  $("profile-name").textContent = user.name;
  $("profile-since").textContent = dayOf(user.created_at);
  if ($("name-form").hidden) $("new-name").value = user.name; // else somebody is typing
}

onSubmit("name-form", async (values) => {
  const result = await client.updateUser(values);
  if (result.data) {
    note("profile-note", text("panel_profile.done"));
    document.querySelector("[data-open=name-form]").click();
    $("profile-title").focus();
  }
  return result;
});
