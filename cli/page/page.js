// The page: what is shown when, and what each button does.

import "./fragment.js"; // first: it takes tokens out of the address bar
import { inWords, plural } from "./clock.js";
import { count } from "./countdown.js";
import { $, el, fail, onClick, say, swap } from "./dom.js";
import { forgetProof, startEmail } from "./email.js";
import { onSubmit } from "./forms.js";
import { startInbox } from "./inbox.js";
import { startLinks } from "./links.js";
import { startLog } from "./log.js";
import * as session from "./session.js";
import { endSessions, listSessions } from "./sessions.js";
import { onExchange, send, settings } from "./wire.js";

const { state } = session;
const WHY_SIGNED_OUT = {
  "signed out": "Signed out: the session is deleted, and its cookies are cleared.",
  "signed out elsewhere": "Signed out in another tab.",
  session_expired: "The session has expired for good. Sign in again.",
  no_session: "The session was ended elsewhere. Sign in again.",
  refresh_reused: "A refresh token was used twice, so the session was ended. Sign in again.",
};
// The answer does not say so either: it is the same for everybody.
const WHAT_A_REQUEST_SENDS =
  "If there is an account with this address, a mail is on its way, but not a fourth one within 15 minutes.";
const WELCOME = "Welcome. Three cookies are set: see “On the wire”.";
const ALMOST_THERE = "A mail is on its way. The account begins with the link in it.";

let mailed = ""; // the address that a code was asked for

function askForCode(email) {
  $("code-email").value = email;
  showForm("ask-code");
  $("code-email").focus();
}

function showForm(id) {
  for (const form of document.querySelectorAll("#signed-out form")) form.hidden = form.id !== id;
  $("show-sign-up").setAttribute("aria-pressed", String(id === "sign-up"));
  $("show-sign-in").setAttribute("aria-pressed", String(id !== "sign-up"));
}

function showState(why) {
  const wasSignedIn = !$("signed-in").hidden;
  const inside = [$("signed-in"), $("sessions"), $("password")];
  if (settings.mail) inside.push($("address"));
  $("loading").hidden = true;
  if (!state.user) {
    if (wasSignedIn) {
      showForm("sign-in");
      say(WHY_SIGNED_OUT[why] ?? "", why !== "signed out" && why !== "signed out elsewhere");
    }
    swap([$("signed-out")], inside, $("out-title"));
    $("session-list").replaceChildren();
    $("change-password").reset();
    $("change-email").reset();
    forgetProof();
    return;
  }
  $("in-title").textContent = state.user.name;
  const verified = state.user.email_verified ? "verified" : "not verified";
  $("in-email-line").replaceChildren(
    el("span", {}, state.user.email), " ", el("span", { className: "chip" }, verified),
  );
  $("verify").hidden = state.user.email_verified || !settings.verifies;
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
onClick("show-forgot", async () => {
  $("forgot-email").value = $("in-email").value;
  showForm("forgot");
  $("forgot-email").focus();
});
onSubmit("forgot", async (body) => {
  const answer = await send("POST", "/reset-password/request", { body });
  if (answer.ok) say(WHAT_A_REQUEST_SENDS);
  return answer;
});
onClick("show-code", async () => askForCode($("in-email").value));
onClick("code-again", async () => askForCode(mailed));
onSubmit("ask-code", async (body) => {
  const answer = await send("POST", "/sign-in/code/request", { body });
  if (answer.ok) {
    mailed = body.email;
    $("code-hint").textContent =
      `If there is an account with ${mailed}, a mail with a code is on its way. The code works ` +
      `for ten minutes, and in this browser only.`;
    $("enter-code").reset();
    showForm("enter-code");
    $("code").focus();
  }
  return answer;
});
onSubmit("enter-code", (body) => told(session.begin("/sign-in/code", body), "Signed in."));
onSubmit("sign-up", async (body) => {
  const answer = await session.begin("/sign-up", body);
  if (answer.ok) say(answer.value.sent ? ALMOST_THERE : WELCOME);
  return answer;
});
onClick("verify", async () => {
  const answer = await session.call("POST", "/verify-email/request");
  if (answer.ok) say("A mail is on its way, but not a fourth one within 15 minutes.");
  else if (state.user) fail(answer);
});
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
    Mail: settings.inbox ? "to the inbox on this page" : settings.mail ? "on" : "off",
    "Sign-up": settings.sign_up ? "open" : "closed",
    "Codes to sign in": settings.email_code ? "by mail" : "off, unless mail.email_code is set",
    "Session token": inWords(seconds.session),
    "Refresh token": `${inWords(seconds.refresh)} from its last use`,
    "Whole session": inWords(seconds.absolute),
    "Refresh grace": inWords(seconds.grace),
  };
  $("facts").replaceChildren(
    ...Object.entries(facts).map(([name, fact]) => el("div", {}, el("dt", {}, name), el("dd", {}, fact))),
  );
  for (const place of document.querySelectorAll(".shortest")) place.textContent = settings.min_length;
  $("show-forgot").hidden = !settings.mail;
  for (const place of document.querySelectorAll(".with-code")) place.hidden = !settings.email_code;
  $("up-email-hint").textContent = !settings.mail
    ? "Any will do: no mail is sent."
    : settings.inbox
      ? "Any will do: its mails go to the inbox on this page."
      : "Mails are sent to it.";
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
startInbox();
startEmail();
startLinks(() => state.user || showForm("sign-in"));
await session.check();
