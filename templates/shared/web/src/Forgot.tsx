import { useState } from "react";
import { useAuth, type Result } from "@authingo/react";
import { Form, type Field } from "./Form";

const email: Field = {
  name: "email",
  label: "Email",
  type: "email",
  autoComplete: "username",
};

/** Asks for a mail with a link to choose a new password. */
export function Forgot() {
  const { client } = useAuth();
  const [sent, setSent] = useState(false);

  async function ask(account: { email: string }): Promise<Result<unknown>> {
    const result = await client.requestPasswordReset(account);
    setSent(!result.error);
    if (result.error?.status !== 404) return result;
    const message = "This site sends no mail. Ask the people who run it for a new password.";
    return { data: null, error: { ...result.error, message } };
  }

  return (
    <>
      <Form fields={[email]} action="Send me a link" onSubmit={ask} />
      {sent && (
        <p className="notice" role="status">
          If there is an account with this address, a mail with a link is on its way.
        </p>
      )}
    </>
  );
}
