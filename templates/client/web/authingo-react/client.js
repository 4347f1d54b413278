import { routesAt } from "./address.js";
import { overtaken, unreachable } from "./call.js";
import { readAnswer } from "./errors.js";
import { fetchWith } from "./fetch.js";
import { Keeper } from "./keeper.js";
export { serverCodes } from "./codes.js";
/** The client of one server. It does nothing until it is asked or subscribed to. */
export function createAuthClient({ baseURL }) {
    const keeper = new Keeper(baseURL);
    const { store, watch } = keeper;
    const authFetch = fetchWith(keeper, () => routesAt(baseURL).origin);
    /** What needs a session and leaves it as it is: an ordinary guarded request. */
    async function manage(method, path, key) {
        const began = keeper.signOuts;
        const url = routesAt(baseURL) + path;
        try {
            const result = await readAnswer(await authFetch(url, { method }), key);
            return began === keeper.signOuts ? result : overtaken();
        }
        catch {
            return unreachable();
        }
    }
    return {
        signIn: { email: (credentials) => keeper.enter("/sign-in", credentials) },
        signUp: { email: (account) => keeper.enter("/sign-up", account) },
        signOut: () => keeper.signOut(),
        changePassword: (passwords) => keeper.enter("/change-password", passwords),
        getSession: () => keeper.getSession(),
        refresh: () => keeper.refresh(),
        listSessions: () => manage("GET", "/sessions", "sessions"),
        async revokeSession(id) {
            const own = store.get().session?.id === id;
            const path = `/sessions/${encodeURIComponent(id)}`;
            const result = await manage("DELETE", path, "revoked");
            if (own && result.data)
                await keeper.getSession();
            return result;
        },
        revokeOtherSessions: () => manage("DELETE", "/sessions", "revoked"),
        fetch: authFetch,
        getState: store.get,
        subscribe(listener) {
            const stop = store.subscribe(listener);
            if (store.size === 1) {
                watch.start();
                if (store.get().isLoading)
                    void keeper.getSession();
            }
            return () => {
                stop();
                if (!store.size)
                    watch.stop();
            };
        },
        hydrate: (state) => store.hydrate(state),
    };
}
