import { useState } from "react";
import { useAuth } from "@authingo/react";
import { asked, currentPassword } from "./fields";
import { Form, type Field } from "./Form";
import { withoutMail } from "./mail";

const newEmail: Field = {
  name: "new_email",
  label: "New email address",
  type: "email",
  autoComplete: "email",
  hint: "It gets a mail with a link. Until you use that, nothing changes.",
};

/** The address of the user, whether it is confirmed, and how to change it. */
export function Address() {
  const { user, client } = useAuth();
  const [isProofNeeded, needProof] = useState(false);
  const [sent, setSent] = useState(false);

  async function change({ new_email = "", current_password }: Record<string, string>) {
    setSent(false);
    if (current_password !== undefined) {
      const proved = await client.reauthenticate({ password: current_password });
      if (proved.error) return proved;
      needProof(false);
    }
    const result = await client.requestEmailChange({ new_email });
    if (result.error?.code === "reauthentication_required") needProof(true);
    setSent(!result.error);
    return withoutMail(result, "This site sends no mail, so nobody can change their address.");
  }

  return (
    <section className="wide" aria-labelledby="address">
      <h2 id="address">Email address</h2>
      <p>
        <strong>{user?.email}</strong>
        {user && !user.email_verified && " is not confirmed yet."}
      </p>
      {user && !user.email_verified && <SendAgain />}
      <Form
        fields={isProofNeeded ? [newEmail, { ...currentPassword, ...asked }] : [newEmail]}
        action="Change address"
        onSubmit={change}
      />
      {sent && (
        <p className="notice" role="status">
          A mail with a link is on its way to the new address.
        </p>
      )}
    </section>
  );
}

/** Sends the link to confirm the address again. */
export function SendAgain() {
  const { client } = useAuth();
  const [answer, setAnswer] = useState("");

  async function send() {
    const { data, error } = withoutMail(
      await client.requestEmailVerification(),
      "This site does not confirm addresses.",
    );
    if (error) setAnswer(error.message);
    else setAnswer(data.sent ? "A mail is on its way." : "It is confirmed already.");
  }

  return (
    <>
      <button className="quiet" onClick={send}>
        Send the link again
      </button>
      {answer && (
        <p className="notice" role="status">
          {answer}
        </p>
      )}
    </>
  );
}
