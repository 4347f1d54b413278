import { useState } from "react";
import { useAuth } from "@authingo/react";
import { Form, type Field } from "./Form";

const name: Field = { name: "name", label: "Name", autoComplete: "name" };
const email: Field = { name: "email", label: "Email", type: "email", autoComplete: "username" };
const password: Field = {
  name: "password",
  label: "Password",
  type: "password",
  autoComplete: "current-password",
};
const choose: Field = {
  ...password,
  autoComplete: "new-password",
  hint: "At least 8 characters. A few words in a row are easy to keep in mind.",
};

export function SignIn() {
  const { signIn, signUp, error } = useAuth();
  const [isNew, setNew] = useState(false);
  return (
    <main className="enter">
      <p className="brand">My application</p>
      <h1>{isNew ? "Create your account" : "Welcome back"}</h1>
      {error?.status === 401 && (
        <p className="notice" role="status">
          Your session has ended. Please sign in again.
        </p>
      )}
      {isNew ? (
        <Form
          key="sign-up"
          fields={[name, email, choose]}
          action="Create account"
          onSubmit={signUp.email}
        />
      ) : (
        <Form key="sign-in" fields={[email, password]} action="Sign in" onSubmit={signIn.email} />
      )}
      <p className="aside">
        {isNew ? "Been here before?" : "New here?"}{" "}
        <button className="link" onClick={() => setNew(!isNew)}>
          {isNew ? "Sign in" : "Create an account"}
        </button>
      </p>
    </main>
  );
}
