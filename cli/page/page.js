// The page: what is shown when, and what each button does.

import { inWords, plural } from "./clock.js";
import { count } from "./countdown.js";
import { $, el, fail, onClick, say, swap } from "./dom.js";
import { onSubmit } from "./forms.js";
import { startLog } from "./log.js";
import * as session from "./session.js";
import { endSessions, listSessions } from "./sessions.js";
import { onExchange, send, settings } from "./wire.js";

const { state } = session;
const WHY_SIGNED_OUT = {
  "signed out": "Signed out: the session is deleted, and its two cookies are cleared.",
  "signed out elsewhere": "Signed out in another tab.",
  session_expired: "The session has expired for good. Sign in again.",
  no_session: "The session was ended elsewhere. Sign in again.",
  refresh_reused: "A refresh token was used twice, so the session was ended. Sign in again.",
};

function showForm(id) {
  for (const name of ["sign-up", "sign-in"]) {
    $(name).hidden = name !== id;
    $(`show-${name}`).setAttribute("aria-pressed", String(name === id));
  }
}

function showState(why) {
  const wasSignedIn = !$("signed-in").hidden;
  const inside = [$("signed-in"), $("sessions"), $("password")];
  $("loading").hidden = true;
  if (!state.user) {
    if (wasSignedIn) {
      showForm("sign-in");
      say(WHY_SIGNED_OUT[why] ?? "", why !== "signed out" && why !== "signed out elsewhere");
    }
    swap([$("signed-out")], inside, $("out-title"));
    $("session-list").replaceChildren();
    $("change-password").reset();
    return;
  }
  $("in-title").textContent = state.user.name;
  const verified = state.user.email_verified ? "verified" : "not verified";
  $("in-email-line").replaceChildren(
    el("span", {}, state.user.email), " ", el("span", { className: "chip" }, verified),
  );
  $("password-of").value = state.user.email;
  swap(inside, [$("signed-out")], $("in-title"));
  if (why === "signed in elsewhere") say("Signed in in another tab.");
  if (!wasSignedIn || why.startsWith("signed in")) listSessions("for the list of sessions");
  count();
}

// Everything that can be done

async function told(doing, done) {
  const answer = await doing;
  if (answer.ok) say(done);
  else if (state.user) fail(answer);
  return answer;
}

onClick("show-sign-up", async () => showForm("sign-up"));
onClick("show-sign-in", async () => showForm("sign-in"));
onSubmit("sign-up", (body) =>
  told(session.begin("/sign-up", body), "Welcome. Three cookies are set: see “On the wire”."),
);
onSubmit("sign-in", (body) => told(session.begin("/sign-in", body), "Signed in."));
onSubmit("change-password", async (body) => {
  const answer = await session.begin("/change-password", body, session.call);
  if (answer.ok) say("Password changed. This is a new session; every older one has ended.");
  return answer;
});
onClick("check", () => told(session.check(), "The session is good."));
onClick("refresh", () => told(session.refresh(), "Refreshed: both tokens are new."));
onClick("list", async () => {
  const answer = await listSessions();
  if (answer.ok) say(`${plural(answer.value.sessions.length, "session")}.`);
  else if (state.user) fail(answer);
});
onClick("end-others", () => endSessions("/sessions"));
onClick("sign-out", () => told(session.signOut(), WHY_SIGNED_OUT["signed out"]));
onClick("health", async () => {
  const answer = await send("GET", "/health");
  if (answer.ok) say("The database answers.");
  else fail(answer);
});
onClick("retry", () => session.check("is the server back?"));

function showServer() {
  const { seconds } = settings;
  const facts = {
    Routes: settings.base_path,
    "Answers pages of": settings.public_url,
    Database: settings.database,
    "Sign-up": settings.sign_up ? "open" : "closed",
    "Session token": inWords(seconds.session),
    "Refresh token": `${inWords(seconds.refresh)} from its last use`,
    "Whole session": inWords(seconds.absolute),
    "Refresh grace": inWords(seconds.grace),
  };
  $("facts").replaceChildren(
    ...Object.entries(facts).map(([name, fact]) => el("div", {}, el("dt", {}, name), el("dd", {}, fact))),
  );
  for (const place of document.querySelectorAll(".shortest")) place.textContent = settings.min_length;
  const own = new URL(settings.public_url);
  const misplaced = $("misplaced");
  misplaced.hidden = own.port === location.port;
  misplaced.textContent =
    `This server answers only pages of ${own.origin}, because public_url says so, and ` +
    `refuses the requests of this one. Leave public_url unset to try the flows here.`;
}

startLog();
showServer();
session.onChange(showState);
onExchange((_, answer) => {
  $("offline").hidden = answer.status !== 0;
  if (answer.status === 0) say("");
});
setInterval(count, 250);
await session.check();
