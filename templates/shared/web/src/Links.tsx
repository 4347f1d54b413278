import { useState, type ReactNode } from "react";
import { useAuth, type Result } from "@authingo/react";
import { SendAgain } from "./Address";
import { asked, newPassword, password } from "./fields";
import { Forgot } from "./Forgot";
import { Form, type Field } from "./Form";
import { useToken } from "./useToken";

const oldEmail: Field = {
  name: "email",
  label: "Your old email address",
  type: "email",
  autoComplete: "off",
  hint: "The one that this mail was sent to.",
};
const CHANGE =
  "This gives your account the address that the link was mailed to. If somebody else sent you the " +
  "link, leave it: the address is theirs, and your account would be too.";
const UNDONE =
  "Your account has its old address again, and nobody is signed in. A mail with a link to choose " +
  "a new password is on its way.";

/** Where the link in the mail of somebody who forgot the password leads to. */
export function ResetPassword() {
  const { client } = useAuth();
  return (
    <Link
      title="Choose a new password"
      fields={[newPassword]}
      action="Save password"
      use={(token, { new_password = "" }) => client.resetPassword({ token, new_password })}
      done="Your password is saved, and you are signed out everywhere. Sign in with it."
      again={<Forgot />}
    />
  );
}

/** Where the link in the mail to a new user leads to. */
export function VerifyEmail() {
  const { client } = useAuth();
  return (
    <OwnLink
      title="Confirm your email address"
      action="Confirm address"
      use={client.verifyEmail}
      done="Your email address is confirmed."
      again={<SendAgain />}
    />
  );
}

/** Where the link in the mail to a new address leads to. */
export function ChangeEmail() {
  const { client } = useAuth();
  return (
    <OwnLink
      title="Confirm your new email address"
      lead={CHANGE}
      action="Confirm new address"
      use={client.changeEmail}
      done="This is your email address now. Everywhere else you are signed out."
      again={<p>To get another link, sign in and change your address again.</p>}
    />
  );
}

/** Where the link in the mail to the address before a change leads to. */
export function UndoEmailChange() {
  const { client } = useAuth();
  return (
    <Link
      title="Take your account back"
      fields={[oldEmail]}
      action="Undo the change"
      use={(token, { email = "" }) => client.undoEmailChange({ token, email })}
      done={UNDONE}
      again={<p>If it was not you who used it, ask the people who run this site for help.</p>}
    />
  );
}

/** Where the link in the mail to somebody whose account will be deleted leads to. */
export function UndoDeletion() {
  const { client } = useAuth();
  return (
    <Link
      title="Keep your account"
      fields={[{ ...oldEmail, label: "Your email address" }]}
      action="Keep my account"
      use={(token, { email = "" }) => client.undoDeletion({ token, email })}
      done="Your account is kept. You can sign in again."
      again={<p>Perhaps the account is deleted already.</p>}
    />
  );
}

/** A link that needs a session here as well, or else the password. */
function OwnLink({
  use,
  ...page
}: Omit<Page, "fields" | "use"> & {
  use: (proof: { token: string; password?: string }) => Promise<Result<unknown>>;
}) {
  const [fields, setFields] = useState<Field[]>([]);

  async function prove(token: string, values: Record<string, string>) {
    const result = await use({ token, ...values });
    if (result.error?.code === "password_required") setFields([{ ...password, ...asked }]);
    return result;
  }

  return <Link {...page} fields={fields} use={prove} />;
}

interface Page {
  title: string;
  lead?: string;
  fields: Field[];
  action: string;
  use: (token: string, values: Record<string, string>) => Promise<Result<unknown>>;
  done: string;
  again: ReactNode;
}

/** Sends the token of a link, after a click: programs that look through mails open links too. */
function Link(page: Page) {
  const token = useToken();
  const [state, setState] = useState<"open" | "over" | "done">("open");

  async function use(values: Record<string, string>) {
    const result = await page.use(token!, values);
    if (!result.error) setState("done");
    else if (result.error.code === "invalid_token") setState("over");
    return result;
  }

  function content() {
    if (token === undefined) return null;
    if (state === "done") {
      return (
        <p className="notice" role="status">
          {page.done}
        </p>
      );
    }
    if (token && state === "open") {
      return (
        <>
          {page.lead && <p>{page.lead}</p>}
          <Form fields={page.fields} action={page.action} onSubmit={use} />
        </>
      );
    }
    return (
      <>
        <p className="notice bad" role="alert">
          {token
            ? "This link was used, has expired, or was replaced."
            : "The link is not complete."}
        </p>
        {page.again}
      </>
    );
  }

  return (
    <main className="enter">
      <p className="brand">My application</p>
      <h1>{page.title}</h1>
      {content()}
      <p className="aside">
        <a href="/">To the application</a>
      </p>
    </main>
  );
}
