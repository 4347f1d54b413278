import type { Keeper } from "./keeper.js";
export declare const CLIENT_HEADER = "X-Authingo-Client";
/** Make the fetch that renews the session when an answer says that it has expired. */
export declare function fetchWith(keeper: Keeper, origin: () => string): (target: string | URL | Request, init?: RequestInit) => Promise<Response>;
