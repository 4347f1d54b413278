import { useEffect, useState } from "react";

/**
 * The token of a link in a mail: null if there is none, undefined before that is known. It comes
 * after `#`, so it reaches no server, and it leaves the address bar at once.
 */
export function useToken(): string | null | undefined {
  const [token, setToken] = useState<string | null>();
  useEffect(() => {
    function take() {
      const found = /^#token=(.+)$/.exec(location.hash)?.[1];
      setToken((known) => found ?? known ?? null);
      if (found) history.replaceState(null, "", location.pathname);
    }
    take();
    addEventListener("hashchange", take);
    return () => removeEventListener("hashchange", take);
  }, []);
  return token;
}
