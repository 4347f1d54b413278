// "Forgot your password?", and what the links in mails lead to. The token of a link is in the address
// after `#`, so it reaches no server. It leaves the address bar at once, and is sent after a click:
// programs that look through mails open links too.

import { sendAgain } from "./address.js";
import { $, ask, complain, only } from "./ask.js";

const PASSWORD = {
  label: "Password",
  name: "password",
  type: "password",
  autocomplete: "current-password",
  hint: "Your password shows that it is you.",
};
const LINKS = {
  "reset-password": {
    route: "reset-password",
    title: "Choose a new password",
    button: "Save password",
    field: {
      label: "New password",
      name: "new_password",
      type: "password",
      autocomplete: "new-password",
    },
    done: "Your password is saved, and you are signed out everywhere. Sign in with it.",
    again: () => forget(""),
  },
  "verify-email": {
    route: "verify-email",
    title: "Confirm your email address",
    button: "Confirm address",
    field: PASSWORD,
    isOptional: true, // it is needed where the user is not signed in
    done: "Your email address is confirmed.",
    again: async () => ($("link-done").textContent = await sendAgain()),
  },
  "change-email": {
    route: "change-email",
    title: "Confirm your new email address",
    lead:
      "This gives your account the address that the link was mailed to. If somebody else sent you " +
      "the link, leave it: the address is theirs, and your account would be too.",
    button: "Confirm new address",
    field: PASSWORD,
    isOptional: true,
    done: "This is your email address now. Everywhere else you are signed out.",
    otherwise: "To get another link, sign in and change your address again.",
  },
  "undo-deletion": {
    route: "user/undo-deletion",
    title: "Keep your account",
    button: "Keep my account",
    field: {
      label: "Your email address",
      name: "email",
      type: "email",
      autocomplete: "off",
      hint: "The one that this mail was sent to.",
    },
    done: "Your account is kept. You can sign in again.",
    otherwise: "Perhaps the account is deleted already.",
  },
  "undo-email-change": {
    route: "change-email/undo",
    title: "Take your account back",
    button: "Undo the change",
    field: {
      label: "Your old email address",
      name: "email",
      type: "email",
      autocomplete: "off",
      hint: "The one that this mail was sent to.",
    },
    done:
      "Your account has its old address again, and nobody is signed in. A mail with a link to " +
      "choose a new password is on its way.",
    otherwise: "If it was not you who used it, ask the people who run this site for help.",
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
  const link = LINKS[location.pathname.split("/").pop()];
  if (!link) return false;
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  history.replaceState(null, "", location.pathname);
  addEventListener("hashchange", () => location.reload()); // another link, in the same tab
  only("link");
  $("link-title").textContent = link.title;
  $("link-lead").textContent = link.lead ?? "";
  $("link-use").textContent = link.button;
  $("link-label").textContent = link.field.label;
  const { name, type, autocomplete, hint = "" } = link.field;
  $("link-hint").textContent = hint;
  Object.assign($("link-value"), { name, type, autocomplete });
  $("link-field").hidden = link.isOptional;
  if (!token) isOver("The link is not complete.", link);
  $("use").addEventListener("submit", async (event) => {
    event.preventDefault();
    const typed = $("link-field").hidden ? {} : Object.fromEntries(new FormData($("use")));
    $("link-use").disabled = true;
    const answer = await ask("POST", `api/auth/${link.route}`, { token, ...typed });
    $("link-use").disabled = false;
    complain(answer, { [name]: "link-value" }, "link-problem");
    if (answer.ok) {
      $("use").hidden = $("link-lead").hidden = true;
      $("link-done").textContent = link.done;
    } else if (answer.code === "password_required") {
      $("link-field").hidden = false;
      $("link-value").focus();
    } else if (answer.code === "invalid_token") {
      isOver("This link was used, has expired, or was replaced.", link);
    }
  });
  $("link-again").addEventListener("click", link.again);
  return true;
}

function isOver(message, { again, otherwise = "" }) {
  $("use").hidden = $("link-lead").hidden = true;
  $("link-done").textContent = `${message} ${otherwise}`;
  $("link-again").hidden = !again;
}

$("request").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await ask("POST", "api/auth/reset-password/request", {
    email: $("whose").value,
  });
  if (answer.status === 404) answer.message = NO_MAIL;
  complain(answer, { email: "whose" }, "sent");
  if (!answer.ok) return;
  $("sent").textContent = "If there is an account with this address, a mail is on its way.";
});
