import { useCallback, useEffect, useState } from "react";
import { useAuth, type ListedSession, type Result } from "@authingo/react";

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "short" });

/** Where the user is signed in. */
export function Sessions() {
  const { client } = useAuth();
  const [sessions, setSessions] = useState<ListedSession[]>();
  const [problem, setProblem] = useState("");

  const load = useCallback(async () => {
    const { data, error } = await client.listSessions();
    if (data) setSessions(data.sessions);
    setProblem(error ? error.message : "");
  }, [client]);
  useEffect(() => void load(), [load]);

  async function end(ending: Promise<Result<unknown>>) {
    const { error } = await ending;
    if (error) setProblem(error.message);
    else await load();
  }

  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">Where you are signed in</h2>
      {problem && (
        <p className="notice bad" role="alert">
          {problem}
        </p>
      )}
      <ul>
        {sessions?.map((session) => (
          <li key={session.id}>
            <div>
              <strong>{browserOf(session.user_agent)}</strong>
              {session.current && <span className="tag">This browser</span>}
              <small>
                {session.ip}, {when.format(new Date(session.last_used_at))}
              </small>
            </div>
            {!session.current && (
              <button
                className="quiet"
                aria-label={`End the session of ${browserOf(session.user_agent)}`}
                onClick={() => end(client.revokeSession(session.id))}
              >
                End
              </button>
            )}
          </li>
        ))}
      </ul>
      {sessions && sessions.length > 1 && (
        <button className="quiet" onClick={() => end(client.revokeOtherSessions())}>
          End all others
        </button>
      )}
    </section>
  );
}

/** A name for a browser: good enough to recognise one's own. */
function browserOf(agent: string | null): string {
  // Edge and Opera also say Chrome and Safari, and Android says Linux, so those come later.
  const first = (...words: string[]) => words.find((word) => agent?.includes(word));
  const named = first("Edg", "OPR", "Firefox", "Chrome", "Safari") ?? "A program";
  const name = named === "Edg" ? "Edge" : named === "OPR" ? "Opera" : named;
  const system = first("iPhone", "iPad", "Android", "Windows", "Mac", "Linux");
  return system ? `${name} on ${system}` : name;
}
