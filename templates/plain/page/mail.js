// "Forgot your password?", and what the links in mails lead to. The token of a link is in the address
// after `#`, so it reaches no server. It leaves the address bar at once, and is sent after a click:
// programs that look through mails open links too.

import { $, ask } from "./ask.js";

const LINKS = {
  "reset-password": {
    title: "Choose a new password",
    button: "Save password",
    field: {
      label: "New password",
      name: "new_password",
      autocomplete: "new-password",
    },
    done: "Your password is saved, and you are signed out everywhere. Sign in with it.",
  },
  "verify-email": {
    title: "Confirm your email address",
    button: "Confirm address",
    field: {
      label: "Password",
      name: "password",
      autocomplete: "current-password",
    },
    isOptional: true, // it is needed where the user is not signed in
    done: "Your email address is confirmed.",
  },
};
const NO_MAIL = "This site sends no mail. Ask the people who run it for a new password.";

/** Ask for the address that gets a mail. */
export function forget(email) {
  only("forgotten");
  $("whose").value = email;
  $("whose").focus();
}

/** If this page was opened by the link in a mail, show what it is for, and return true. */
export function showLink() {
  const name = location.pathname.split("/").pop();
  const link = LINKS[name];
  if (!link) return false;
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  history.replaceState(null, "", location.pathname);
  only("link");
  $("link-title").textContent = link.title;
  $("link-use").textContent = link.button;
  $("secret-label").textContent = link.field.label;
  Object.assign($("secret"), {
    name: link.field.name,
    autocomplete: link.field.autocomplete,
  });
  $("secret-field").hidden = link.isOptional;
  if (!token) isOver("The link is not complete.");
  $("use").addEventListener("submit", async (event) => {
    event.preventDefault();
    const typed = $("secret-field").hidden ? {} : Object.fromEntries(new FormData($("use")));
    $("link-use").disabled = true;
    const answer = await ask("POST", `api/auth/${name}`, { token, ...typed });
    $("link-use").disabled = false;
    complain(answer, link.field.name);
    if (answer.ok) {
      $("use").hidden = true;
      $("link-done").textContent = link.done;
    } else if (answer.code === "password_required") {
      $("secret-field").hidden = false;
      $("secret").focus();
    } else if (answer.code === "invalid_token") {
      isOver("This link was used, has expired, or was replaced.");
    }
  });
  $("link-again").addEventListener("click", async () => {
    if (name === "reset-password") return forget("");
    const { ok, sent, message } = await ask("POST", "api/auth/verify-email/request");
    const done = sent ? "A mail is on its way." : "It is confirmed already.";
    $("link-done").textContent = ok ? done : message;
  });
  return true;
}

function isOver(message) {
  $("use").hidden = true;
  $("link-done").textContent = message;
  $("link-again").hidden = false;
}

function complain({ ok, code, fields = {}, message }, name) {
  const about = fields[name] ? `This ${fields[name]}.` : "";
  const isWrong = code === "invalid_credentials" ? message : about;
  $("secret-said").textContent = isWrong;
  $("secret").ariaInvalid = String(isWrong !== "");
  $("link-problem").textContent = ok || isWrong ? "" : message;
}

$("request").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { ok, status, fields, message } = await ask("POST", "api/auth/reset-password/request", {
    email: $("whose").value,
  });
  $("whose-said").textContent = ok ? "" : fields?.email ? `This ${fields.email}.` : "";
  if (ok) $("sent").textContent = "If there is an account with this address, a mail is on its way.";
  else $("sent").textContent = fields ? "" : status === 404 ? NO_MAIL : message;
});

/** Show one part of the page. */
function only(id) {
  for (const part of document.querySelectorAll("main")) part.hidden = part.id !== id;
}
