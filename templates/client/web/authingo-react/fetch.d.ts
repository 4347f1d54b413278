import type { BrowserSession } from "./session.js";
/**
 * Make the fetch that renews the session when an answer says that it has expired, and that asks
 * the user who they are when an answer says that this was too long ago.
 */
export declare function fetchWith(session: BrowserSession, origin: () => string, prove: (methods: string[]) => Promise<boolean>): (target: string | URL | Request, init?: RequestInit) => Promise<Response>;
