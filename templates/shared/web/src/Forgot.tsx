import { useState } from "react";
import { useAuth } from "@authingo/react";
import { email } from "./fields";
import { Form } from "./Form";
import { withoutMail } from "./mail";

const NO_MAIL = "This site sends no mail. Ask the people who run it for a new password.";

/** Asks for a mail with a link to choose a new password. */
export function Forgot() {
  const { client } = useAuth();
  const [sent, setSent] = useState(false);

  async function ask(account: { email: string }) {
    const result = await client.requestPasswordReset(account);
    setSent(!result.error);
    return withoutMail(result, NO_MAIL);
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
