// The list of the user's sessions, and how one is ended.

import { ago, plural } from "./clock.js";
import { $, busy, el, fail, say } from "./dom.js";
import { call, state } from "./session.js";

const BROWSERS = [
  [/Edg\/(\d+)/, "Edge"],
  [/OPR\/(\d+)/, "Opera"],
  [/Firefox\/(\d+)/, "Firefox"],
  [/Chrome\/(\d+)/, "Chrome"],
  [/Version\/(\d+).* Safari\//, "Safari"],
];
const SYSTEMS = ["Windows", "Android", "iPhone", "iPad", "Mac", "Linux"];

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
  const where = `${browserOf(one.user_agent)} at ${one.ip ?? "an unknown address"}`;
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

// A short name for a browser; the title has the whole User-Agent.
function browserOf(agent) {
  if (!agent) return "Something unnamed";
  const system = SYSTEMS.find((name) => agent.includes(name));
  for (const [pattern, name] of BROWSERS) {
    const found = pattern.exec(agent);
    if (found) return `${name} ${found[1]}${system ? ` on ${system}` : ""}`;
  }
  return agent.split(/[ /]/)[0];
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
