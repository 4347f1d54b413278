import { routesAt } from "./address.js";
import { readAnswer } from "./errors.js";
import type { SessionData } from "./models.js";

export type { Session, SessionData, User } from "./models.js";

const PATIENCE = 3_000; // milliseconds: a page renders as loading rather than late

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
export async function getSession<Profile = undefined>({
  baseURL,
  headers,
  cookiePrefix = "authingo",
}: {
  baseURL: string;
  headers: { get(name: string): string | null };
  cookiePrefix?: string;
}): Promise<SessionData<Profile> | null | undefined> {
  const url = `${routesAt(baseURL)}/session`;
  const cookies = (headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
  const names = [`${cookiePrefix}_session`, `__Host-${cookiePrefix}_session`];
  const ours = cookies.filter((pair) => names.some((name) => pair.startsWith(`${name}=`)));
  const cookie = ours.join("; ");
  if (!cookie) return null;
  try {
    const answer = await fetch(url, {
      headers: { Cookie: cookie },
      cache: "no-store",
      redirect: "error", // a redirect could take the cookie anywhere
      signal: AbortSignal.timeout(PATIENCE),
    });
    const { data, error } = await readAnswer<SessionData<Profile>>(answer, "user");
    return data ?? (error.code === "no_session" ? null : undefined);
  } catch {
    return undefined;
  }
}
