import type { SessionData } from "./models.js";
export type { Session, SessionData, User } from "./models.js";
/**
 * The session of a page's request, for `initialSession`: null if there is none, and undefined if
 * only the browser can find out; the page then renders as loading.
 *
 * That is so when the session token has expired: the refresh cookie goes to one path of the
 * authentication server and never comes along with a page. It is also so when that server does
 * not answer. This only reads, sets no cookie, and keeps nothing between two requests.
 *
 * @param baseURL where this server reaches the routes; absolute.
 * @param headers of the request for the page, such as `await headers()` of Next.js. Only
 *   the session cookie is forwarded.
 * @param cookiePrefix the setting `cookies.prefix` of that server.
 */
export declare function getSession<Profile = undefined>({ baseURL, headers, cookiePrefix, }: {
    baseURL: string;
    headers: {
        get(name: string): string | null;
    };
    cookiePrefix?: string;
}): Promise<SessionData<Profile> | null | undefined>;
