// What the links in mails lead to: a form that sends the token.

import { $, el, say } from "./dom.js";
import { onSubmit } from "./forms.js";
import { onArrival } from "./fragment.js";
import * as session from "./session.js";
import { send, settings } from "./wire.js";

const NEW_PASSWORD = {
  name: "new_password",
  label: "New password",
  type: "password",
  autocomplete: "new-password",
  hint: `${settings.min_length} characters or more, and not a common one.`,
};

const PASSWORD = {
  name: "password",
  label: "Password",
  type: "password",
  autocomplete: "current-password",
  hint: "The account is not signed in in this browser, so its password is needed too.",
};

const OLD_ADDRESS = {
  name: "email",
  label: "Your old email address",
  type: "email",
  autocomplete: "off",
  hint: "The one that this mail was sent to.",
};

// What each link leads to, by its name in the settings. `use` sends the token and the fields.
const LINKS = {
  reset_password: {
    title: "Choose a new password",
    fields: [NEW_PASSWORD],
    button: "Save password",
    done: "The password is saved, and all sessions of the account have ended. Sign in with it.",
    use: (body) => ending("/reset-password", body),
  },
  verify_email: {
    title: "Confirm your email address",
    fields: [],
    button: "Confirm address",
    done: "The address is verified.",
    use: (body) => proving("/verify-email", body),
  },
  change_email: {
    title: "Confirm your new email address",
    lead: "This gives the account the address that the link was mailed to. If somebody else sent you the link, leave it.",
    fields: [],
    button: "Confirm new address",
    done: "The address is changed, and every other session of the account has ended.",
    use: (body) => proving("/change-email", body),
  },
  undo_email_change: {
    title: "Take your account back",
    fields: [OLD_ADDRESS],
    button: "Undo the change",
    done: "The account has its old address again, and a mail to choose a new password is on its way.",
    use: (body) => ending("/change-email/undo", body),
  },
  undo_deletion: {
    title: "Keep your account",
    fields: [{ ...OLD_ADDRESS, label: "Your email address" }],
    button: "Keep the account",
    done: "The account is kept. Sign in to use it.",
    use: (body) => send("POST", "/user/undo-deletion", { body }),
  },
};

// With a session here, or with the password, which signs in.
const proving = (route, body) =>
  session.begin(route, body, body.password ? send : session.call);

async function ending(route, body) {
  const answer = await send("POST", route, { body });
  if (answer.ok && session.state.user) await session.check("has the session here ended too?");
  return answer;
}

let open = null; // the link that was followed, with its token

// Calls `onDone` when a link has done its work.
export function startLinks(onDone) {
  onArrival(({ name, value, path }) => {
    const found = Object.keys(LINKS).find((one) => settings.links[one] === path);
    if (name === "token" && found) show({ ...LINKS[found], token: value });
  });
  $("leave-link").addEventListener("click", hide);
  onSubmit("link-form", async (body) => {
    const { token, use, done } = open;
    const answer = await use({ token, ...body });
    if (answer.code === "password_required") {
      $("link-fields").append(field(PASSWORD));
      $("link-password").focus();
      return { ...answer, message: "" };
    }
    if (answer.ok) {
      hide();
      onDone();
      say(done);
    }
    return answer;
  });
}

function show(link) {
  open = link;
  $("link-title").textContent = link.title;
  $("link-lead").textContent = link.lead ?? "";
  $("link-lead").hidden = !link.lead;
  $("link-button").textContent = link.button;
  $("link-fields").replaceChildren(...link.fields.map(field));
  $("link").hidden = false;
  $("link-title").focus();
}

function hide() {
  open = null;
  $("link").hidden = true;
  $("link-fields").replaceChildren();
}

function field({ name, label, type, autocomplete, hint }) {
  const id = `link-${name}`;
  const input = el("input", { id, name, type, autocomplete, required: true });
  input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  return el(
    "div",
    { className: "field" },
    el("label", { htmlFor: id }, label),
    input,
    el("p", { className: "hint", id: `${id}-hint` }, hint),
    el("p", { className: "error", id: `${id}-error`, hidden: true }),
  );
}
