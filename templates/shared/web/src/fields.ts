import type { Field } from "./Form";

export const email: Field = {
  name: "email",
  label: "Email",
  type: "email",
  autoComplete: "username",
};
export const password: Field = {
  name: "password",
  label: "Password",
  type: "password",
  autoComplete: "current-password",
};
/** A code from a mail. It appears when the mail is on its way. */
export const code: Field = {
  name: "code",
  label: "Code",
  autoComplete: "one-time-code",
  autoCapitalize: "characters",
  spellCheck: false,
  autoFocus: true,
  className: "code",
};
/** What is added to a password field that appears because the server asks for it. */
export const asked = { hint: "Your password shows that it is you.", autoFocus: true };
export const currentPassword: Field = {
  ...password,
  name: "current_password",
  label: "Current password",
};
export const newPassword: Field = {
  name: "new_password",
  label: "New password",
  type: "password",
  autoComplete: "new-password",
};
