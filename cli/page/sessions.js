// The list of the user's sessions, and how one is ended.

import { browserOf } from "./browsers.js";
import { ago, plural } from "./clock.js";
import { $, busy, el, fail, say } from "./dom.js";
import { call, state } from "./session.js";

export async function listSessions(note = "") {
  const answer = await call("GET", "/sessions", { note, quiet: note !== "" });
  if (answer.ok) {
    const all = answer.value.sessions;
    const inside = $("session-list").contains(document.activeElement);
    $("session-list").replaceChildren(...all.map(listed));
    if (inside) $("sessions-title").focus();
    $("end-others").hidden = all.length < 2;
  }
  return answer;
}

function listed(one) {
  const where = `${shortOf(one.user_agent)} at ${one.ip ?? "an unknown address"}`;
  const times = `Last used ${ago(one.last_used_at)}, began ${ago(one.created_at)}`;
  const facts = el(
    "div",
    {},
    el("p", { title: one.user_agent ?? "" }, where),
    el("p", { className: "hint" }, times),
  );
  return el("li", {}, facts, one.current ? el("span", { className: "chip" }, "this one") : ender());

  function ender() {
    const button = el("button", { type: "button", className: "small" }, "End");
    button.setAttribute("aria-label", `End the session of ${where}`);
    button.addEventListener("click", () => busy(button, () => endSessions(`/sessions/${one.id}`)));
    return button;
  }
}

// The title has the whole User-Agent.
function shortOf(agent) {
  const { name, system } = browserOf(agent);
  return `${name ?? "Something unnamed"}${system ? ` on ${system}` : ""}`;
}

export async function endSessions(path) {
  const answer = await call("DELETE", path);
  if (answer.ok) say(`${plural(answer.value.revoked, "session")} ended.`);
  else fail(answer);
  if (state.user && answer.status) {
    $("sessions-title").focus();
    await listSessions("for the list of sessions");
  }
}
