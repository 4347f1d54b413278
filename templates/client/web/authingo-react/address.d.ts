/**
 * Where the routes are. A baseURL of nothing but an origin means /api/auth below it, which is
 * where the server puts them; a relative one is of the page's own origin.
 */
export declare function routesAt(baseURL: string): URL;
