import { useState, type ReactNode } from "react";
import { useAuth, type Result } from "@authingo/react";
import { Forgot } from "./Forgot";
import { Form, type Field } from "./Form";
import { useToken } from "./useToken";

const chosen: Field = {
  name: "new_password",
  label: "New password",
  type: "password",
  autoComplete: "new-password",
};
const password: Field = {
  name: "password",
  label: "Password",
  type: "password",
  autoComplete: "current-password",
  hint: "You are not signed in here, so your password is needed too.",
};

/** Where the link in the mail of somebody who forgot the password leads to. */
export function ResetPassword() {
  const { client } = useAuth();
  return (
    <Link
      title="Choose a new password"
      fields={[chosen]}
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
  const [fields, setFields] = useState<Field[]>([]);
  const [answer, setAnswer] = useState("");

  async function verify(token: string, values: Record<string, string>) {
    const result = await client.verifyEmail({ token, ...values });
    if (result.error?.code === "password_required") setFields([password]);
    return result;
  }

  async function again() {
    const { data, error } = await client.requestEmailVerification();
    if (error) setAnswer(error.message);
    else setAnswer(data.sent ? "A mail is on its way." : "It is confirmed already.");
  }

  return (
    <Link
      title="Confirm your email address"
      fields={fields}
      action="Confirm address"
      use={verify}
      done="Your email address is confirmed."
      again={
        <>
          <button onClick={again}>Send me another link</button>
          {answer && (
            <p className="notice" role="status">
              {answer}
            </p>
          )}
        </>
      }
    />
  );
}

/** Sends the token of a link, after a click: programs that look through mails open links too. */
function Link(page: {
  title: string;
  fields: Field[];
  action: string;
  use: (token: string, values: Record<string, string>) => Promise<Result<unknown>>;
  done: string;
  again: ReactNode;
}) {
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
      return <Form fields={page.fields} action={page.action} onSubmit={use} />;
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
