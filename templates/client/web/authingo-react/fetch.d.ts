import type { BrowserSession } from "./session.js";
/** Make the fetch that renews the session when an answer says that it has expired. */
export declare function fetchWith(session: BrowserSession, origin: () => string): (target: string | URL | Request, init?: RequestInit) => Promise<Response>;
