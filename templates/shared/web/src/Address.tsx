import { useState } from "react";
import { useAuth, type AuthError, type Result } from "@authingo/react";
import { asked, code, currentPassword } from "./fields";
import { Form, type Field } from "./Form";
import { withoutMail } from "./mail";

const newEmail: Field = {
  name: "new_email",
  label: "New email address",
  type: "email",
  autoComplete: "email",
  hint: "It gets a mail with a link. Until you use that, nothing changes.",
};

const CODE_SENT = "A mail with a code is on its way to you.";
const CODE_NOT_SENT = "No mail was sent: you have had several. Enter the code of the last one.";
const mailedCode: Field = { ...code, hint: "You have no password here, so a mail brings a code." };

/** The address of the user, whether it is confirmed, and how to change it. */
export function Address() {
  const { user, client } = useAuth();
  const [proof, setProof] = useState<Field | null>(null); // what the server asks for
  const [note, setNote] = useState("");

  async function change({ new_email = "", current_password = "", code }: Record<string, string>) {
    setNote("");
    if (proof) {
      const typed = proof === mailedCode ? { code: code ?? "" } : { password: current_password };
      const proved = await client.reauthenticate(typed);
      if (proved.error) return proved;
      setProof(null);
    }
    const result = await client.requestEmailChange({ new_email });
    if (result.error?.code === "reauthentication_required") return askForProof(result.error);
    if (result.data) setNote("A mail with a link is on its way to the new address.");
    return withoutMail(result, "This site sends no mail, so nobody can change their address.");
  }

  async function askForProof(error: AuthError): Promise<Result<unknown>> {
    const asks = { data: null, error };
    if (error.methods?.includes("password")) {
      setProof({ ...currentPassword, ...asked });
      return asks;
    }
    if (!error.methods?.includes("code")) {
      return { data: null, error: { ...error, message: "Sign out and in again first." } };
    }
    const mailed = await sendCode();
    if (mailed.error) return mailed;
    setProof(mailedCode);
    return asks;
  }

  async function sendCode() {
    const result = await client.requestReauthenticationCode();
    if (result.data) setNote(result.data.sent ? CODE_SENT : CODE_NOT_SENT);
    return result;
  }

  async function sendAnotherCode() {
    const { error } = await sendCode();
    if (error) setNote(error.message);
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
        fields={proof ? [newEmail, proof] : [newEmail]}
        action="Change address"
        onSubmit={change}
      />
      {proof === mailedCode && (
        <button className="link" onClick={sendAnotherCode}>
          Send another code
        </button>
      )}
      {note && (
        <p className="notice" role="status">
          {note}
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
