/**
 * Where the routes are. A baseURL of nothing but an origin means /api/auth below it, which is
 * where the server puts them; a relative one is of the page's own origin.
 */
export function routesAt(baseURL) {
    const url = new URL(baseURL, globalThis.location?.origin);
    const path = url.pathname.replace(/\/+$/, "");
    return new URL(path || "/api/auth", url);
}
