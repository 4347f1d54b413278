import { useCallback, useEffect, useRef, useState } from "react";
import { useAuth } from "@authingo/react";
import { Address } from "./Address";
import { currentPassword, newPassword } from "./fields";
import { Form } from "./Form";
import { EMAIL_CODE } from "./mail";
import { Sessions } from "./Sessions";

const NONE = "If you have no password, sign out and choose “Forgot your password?” to get one.";

export function Account() {
  const { user, session, error, client, logout } = useAuth();
  const [changed, setChanged] = useState(false);

  return (
    <>
      <header>
        <div>
          <p className="brand">My application</p>
          <h1>Hello, {user?.name}</h1>
        </div>
        <button className="quiet" onClick={logout}>
          Sign out
        </button>
      </header>
      {error && (
        <p className="notice bad" role="alert">
          No connection. You are still signed in, and this page tries again by itself.
        </p>
      )}
      <main className="cards">
        <Me />
        <Sessions key={session?.id} />
        <Address />
        <section className="wide" aria-labelledby="password">
          <h2 id="password">Password</h2>
          <Form
            fields={[
              EMAIL_CODE ? { ...currentPassword, hint: NONE } : currentPassword,
              newPassword,
            ]}
            action="Change password"
            onSubmit={async (values: { current_password: string; new_password: string }) => {
              const result = await client.changePassword(values);
              setChanged(!result.error);
              return result;
            }}
          />
          {changed && (
            <p className="notice" role="status">
              Changed. Everywhere else you are signed out.
            </p>
          )}
        </section>
      </main>
    </>
  );
}

/** Shows the answer of a guarded route. `client.fetch` is used like the platform's fetch. */
function Me() {
  const { client } = useAuth();
  const [answer, setAnswer] = useState("");
  const asked = useRef(0);

  const ask = useCallback(async () => {
    const turn = ++asked.current;
    const text = await client.fetch("/api/me").then(
      async (response) => JSON.stringify(await response.json(), null, 2),
      () => "No connection.",
    );
    // Ignore a late answer to an earlier request if a newer one was sent meanwhile.
    if (turn === asked.current) setAnswer(text);
  }, [client]);
  useEffect(() => void ask(), [ask]);

  return (
    <section aria-labelledby="me">
      <h2 id="me">Your own API</h2>
      <p>
        <code>GET /api/me</code> answers nobody but you:
      </p>
      <pre role="status">{answer}</pre>
      <button className="quiet" onClick={ask}>
        Ask again
      </button>
    </section>
  );
}
