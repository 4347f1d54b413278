import { useAuth } from "@authingo/react";
import { Account } from "./Account";
import { SignIn } from "./SignIn";

export function App() {
  const { status, error } = useAuth();
  if (status === "authenticated") return <Account />;
  if (status === "unauthenticated") return <SignIn />;
  // Shown after a moment only, so that a quick answer causes no flicker.
  return (
    <main className="waiting" role="status">
      {error ? "No connection. Trying again…" : "Loading…"}
    </main>
  );
}
