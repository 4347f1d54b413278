import { CLIENT_HEADER } from "./call.js";
import { codeOf } from "./errors.js";
import type { BrowserSession } from "./session.js";

/** Make the fetch that renews the session when an answer says that it has expired. */
export function fetchWith(session: BrowserSession, origin: () => string) {
  return async (target: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const input = isRequest(target) ? target : new URL(target, origin());
    const own = new URL(isRequest(input) ? input.url : input).origin === origin();
    if (!own) return sendAway(input, init);
    const before = session.store.get();
    const began = session.signOuts;
    // A Request can be sent once, so a copy goes first; a bare stream cannot be sent again.
    const answer = await sendHome(isRequest(input) ? input.clone() : input, init);
    const spent = init?.body instanceof ReadableStream;
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
    const { user } = session.store.get();
    const mine = user && (before.user ?? user).id === user.id; // not as another user
    const repeat = renewed() && mine && began === session.signOuts && !spent;
    return repeat ? sendHome(input, init) : answer;
  };
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
