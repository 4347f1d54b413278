import { useState } from "react";
import { useAuth } from "@authingo/react";
import { Code } from "./Code";
import { email, password } from "./fields";
import { Forgot } from "./Forgot";
import { Form, type Field } from "./Form";
import { EMAIL_CODE } from "./mail";

const name: Field = { name: "name", label: "Name", autoComplete: "name" };
const choose: Field = {
  ...password,
  autoComplete: "new-password",
  hint: "A few words in a row are easy to keep in mind.",
};
const views = {
  "sign-in": { title: "Welcome back", question: "New here?" },
  "sign-up": { title: "Create your account", question: "Been here before?" },
  forgot: { title: "Forgot your password?", question: "Been here before?" },
  code: { title: "Sign in with a code", question: "Rather use your password?" },
};

export function SignIn() {
  const { signIn, signUp, error } = useAuth();
  const [shown, show] = useState<keyof typeof views>("sign-in");
  const [sent, setSent] = useState(false);

  async function create(account: { email: string; password: string; name: string }) {
    const result = await signUp.email(account);
    setSent(!!result.data?.sent);
    return result;
  }

  return (
    <main className="enter">
      <p className="brand">My application</p>
      <h1>{views[shown].title}</h1>
      {error?.status === 401 && (
        <p className="notice" role="status">
          Your session has ended. Please sign in again.
        </p>
      )}
      {shown === "sign-in" && (
        <>
          <Form fields={[email, password]} action="Sign in" onSubmit={signIn.email} />
          <p className="aside">
            <button className="link" onClick={() => show("forgot")}>
              Forgot your password?
            </button>
          </p>
          {EMAIL_CODE && (
            <p className="aside">
              <button className="link" onClick={() => show("code")}>
                Email me a code instead
              </button>
            </p>
          )}
        </>
      )}
      {shown === "sign-up" && (
        <Form fields={[name, email, choose]} action="Create account" onSubmit={create} />
      )}
      {sent && (
        <p className="notice" role="status">
          A mail is on its way to you. The link in it goes on from here.
        </p>
      )}
      {shown === "forgot" && <Forgot />}
      {shown === "code" && <Code />}
      <p className="aside">
        {views[shown].question}{" "}
        <button className="link" onClick={() => show(shown === "sign-in" ? "sign-up" : "sign-in")}>
          {shown === "sign-in" ? "Create an account" : "Sign in"}
        </button>
      </p>
    </main>
  );
}
