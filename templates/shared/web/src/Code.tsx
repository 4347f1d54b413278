import { useState } from "react";
import { useAuth } from "@authingo/react";
import { code, email } from "./fields";
import { Form } from "./Form";
import { withoutMail } from "./mail";

/** Signs in with a code that comes by mail, in the browser that asked for it. */
export function Code() {
  const { client, signIn } = useAuth();
  const [asker, setAsker] = useState("");

  async function ask(account: { email: string }) {
    const result = await client.requestSignInCode(account);
    if (!result.error) setAsker(account.email);
    return withoutMail(result, "This site sends no codes.");
  }

  if (!asker) return <Form key="ask" fields={[email]} action="Send me a code" onSubmit={ask} />;
  const hint = `If there is an account with ${asker}, a code is on its way. It works for ten minutes, in this browser only.`;
  return (
    <>
      <Form key="enter" fields={[{ ...code, hint }]} action="Sign in" onSubmit={signIn.code} />
      <p className="aside">
        <button className="link" onClick={() => setAsker("")}>
          Send another code
        </button>
      </p>
    </>
  );
}
