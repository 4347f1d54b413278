import { $ } from "../page.js";
import { dayOf } from "../times.js";

export function update({ user }) {
  $("profile-name").textContent = user.name;
  $("profile-since").textContent = dayOf(user.created_at);
}
