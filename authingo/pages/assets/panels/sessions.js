import { client, $, busy, el, note, onClick, text, wordsOf } from "../page.js";
import { browserOf } from "../browsers.js";
import { ago } from "../times.js";

let shown; // the id of the session that the list was made with

export function update({ session }) {
  if (session.id === shown) return;
  shown = session.id;
  list();
}

async function list() {
  const { data, error } = await client.listSessions();
  $("sessions-list").removeAttribute("aria-busy");
  note("sessions-failed", error && error.code !== "signed_out" ? wordsOf(error) : "");
  if (error) return;
  $("sessions-list").replaceChildren(...data.sessions.map(listed));
  const others = data.sessions.length > 1;
  $("sessions-only").hidden = others;
  $("sessions-end-others").hidden = !others;
}

function listed(one) {
  const where = whereOf(one);
  const times = `${text("panel_sessions.last_used", { time: ago(one.last_used_at) })}, ${text("panel_sessions.began", { time: ago(one.created_at) })}`;
  const facts = el(
    "div",
    {},
    el("p", { title: one.user_agent ?? "" }, where),
    el("p", { className: "hint" }, times),
  );
  if (one.current) {
    const chip = el("span", { className: "chip good" }, text("panel_sessions.this_one"));
    return el("li", {}, facts, chip);
  }
  const button = el("button", { type: "button", className: "small" }, text("panel_sessions.end"));
  button.setAttribute("aria-label", text("panel_sessions.end_label", { where }));
  button.addEventListener("click", () =>
    busy(button, () => ended(client.revokeSession(one.id), "panel_sessions.ended")),
  );
  return el("li", {}, facts, button);
}

function whereOf({ user_agent: agent, ip }) {
  const { name, system } = browserOf(agent);
  const known = name ?? text("panel_sessions.unknown_browser");
  const browser = system ? text("panel_sessions.on", { browser: known, system }) : known;
  return ip ? text("panel_sessions.at", { browser, address: ip }) : browser;
}

async function ended(ending, done) {
  const { error } = await ending;
  note("sessions-note", error ? wordsOf(error) : text(done));
  $("sessions-title").focus();
  await list();
}

onClick("sessions-end-others", () =>
  ended(client.revokeOtherSessions(), "panel_sessions.ended_others"),
);
