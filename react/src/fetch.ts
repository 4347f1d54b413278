import { CLIENT_HEADER } from "./call.js";
import { codeOf, methodsOf } from "./errors.js";
import type { BrowserSession } from "./session.js";

/**
 * Make the fetch that renews the session when an answer says that it has expired, and that asks
 * the user who they are when an answer says that this was too long ago.
 */
export function fetchWith(
  session: BrowserSession,
  origin: () => string,
  prove: (methods: string[]) => Promise<boolean>,
) {
  return async (target: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const input = isRequest(target) ? target : new URL(target, origin());
    const own = new URL(isRequest(input) ? input.url : input).origin === origin();
    if (!own) return sendAway(input, init);
    const before = session.store.get();
    const began = session.signOuts;
    const spent = init?.body instanceof ReadableStream; // which cannot be sent again
    const mine = () => {
      const { user } = session.store.get();
      const same = user && (before.user ?? user).id === user.id; // not as another user
      return same && began === session.signOuts && !spent;
    };
    const answer = await sendRenewing(session, input, init, mine);
    const methods = await methodsOf(answer);
    if (!methods || spent) return answer;
    const at = before.session?.authenticated_at;
    const proved = () => session.store.get().session?.authenticated_at !== at;
    // Another request may have asked meanwhile.
    const again = (at && proved()) || (await prove(methods));
    return again && mine() ? sendRenewing(session, input, init, mine) : answer;
  };
}

async function sendRenewing(
  session: BrowserSession,
  input: URL | Request,
  init: RequestInit | undefined,
  mine: () => boolean | null,
): Promise<Response> {
  const before = session.store.get();
  const began = session.signOuts;
  // A Request can be sent once, so a copy goes.
  const send = () => sendHome(isRequest(input) ? input.clone() : input, init);
  const answer = await send();
  const code = await codeOf(answer);
  if (code !== "session_expired") {
    // This answer may be late, so the server is asked about the session itself.
    if (before.user && (code === "no_session" || code === "refresh_reused")) {
      void session.getSession();
    }
    return answer;
  }
  const renewed = () => session.store.get().session !== before.session;
  if (!renewed() && began === session.signOuts) {
    // An earlier request may have read the session just before it expired.
    const { data } = await session.getSession();
    if (data && !renewed()) await session.getSession();
  }
  return renewed() && mine() ? send() : answer;
}

/** To the origin of baseURL: with cookies and the client header, and to nowhere else from there. */
function sendHome(input: URL | Request, init: RequestInit = {}): Promise<Response> {
  const request = isRequest(input) ? input : undefined;
  const headers = new Headers(init.headers ?? request?.headers);
  headers.set(CLIENT_HEADER, "true");
  const sent: RequestInit = { ...init, headers, credentials: "include" };
  if (globalThis.location?.origin === new URL(request?.url ?? (input as URL)).origin) {
    sent.mode = "same-origin"; // redirects are followed only within the origin
  } else if ((init.redirect ?? request?.redirect ?? "follow") === "follow") {
    sent.redirect = "error"; // they would be followed to any origin, and a script cannot see where they lead
  }
  return fetch(input, sent);
}

/** Send a request to another origin, always without the client header and cookies. */
function sendAway(input: URL | Request, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers ?? (isRequest(input) ? input.headers : undefined));
  headers.delete(CLIENT_HEADER);
  return fetch(input, { ...init, headers, credentials: "omit" });
}

function isRequest(input: string | URL | Request): input is Request {
  return typeof input === "object" && "url" in input;
}
