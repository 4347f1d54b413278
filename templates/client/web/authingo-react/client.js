import { routesAt } from "./address.js";
import { Caller, overtaken, unreachable } from "./call.js";
import { readAnswer } from "./errors.js";
import { fetchWith } from "./fetch.js";
import { BrowserSession } from "./session.js";
export { serverCodes } from "./codes.js";
/** The client of one server. It does nothing until it is asked or subscribed to. */
export function createAuthClient({ baseURL, }) {
    const session = new BrowserSession(baseURL);
    const { store, watch } = session;
    const caller = new Caller();
    let ask;
    let asking;
    const authFetch = fetchWith(session, () => routesAt(baseURL).origin, prove);
    /** Ask the user once, for all requests that need it now. */
    function prove(methods) {
        if (!ask)
            return Promise.resolve(false);
        return (asking ??= ask(methods)
            .catch(() => false)
            .finally(() => {
            asking = undefined;
        }));
    }
    /** Send a request that needs no session. */
    function send(path, key, body) {
        return caller.call("POST", routesAt(baseURL) + path, [key], body);
    }
    /** Do what ends sessions, and find out whether the one of this browser is among them. */
    async function end(path, body) {
        const result = await send(path, "success", body);
        if (result.data && store.get().user)
            await session.getSession();
        return result;
    }
    /** Send a request that needs a session and does not change it. */
    async function manage(method, path, key, body) {
        const began = session.signOuts;
        const url = routesAt(baseURL) + path;
        const json = { "Content-Type": "application/json" };
        const request = body ? { method, headers: json, body: JSON.stringify(body) } : { method };
        try {
            const result = await readAnswer(await authFetch(url, request), key);
            return began === session.signOuts ? result : overtaken();
        }
        catch {
            return unreachable();
        }
    }
    const client = {
        signIn: {
            email: (credentials) => session.begin("/sign-in", credentials),
            code: (entered) => session.begin("/sign-in/code", entered),
        },
        signUp: { email: (account) => session.signUp(account) },
        requestSignInCode: (account) => send("/sign-in/code/request", "sent", account),
        signOut: () => session.signOut(),
        requestReauthenticationCode: () => manage("POST", "/reauthenticate/code/request", "sent"),
        onReauthenticationRequired(own) {
            ask = own;
            return () => {
                if (ask === own)
                    ask = undefined;
            };
        },
        reauthenticate: (proof) => session.begin("/reauthenticate", proof),
        changePassword: (passwords) => session.begin("/change-password", passwords),
        updateUser: (changes) => session.update(changes),
        requestPasswordReset: (account) => send("/reset-password/request", "sent", account),
        resetPassword: (reset) => end("/reset-password", reset),
        requestEmailVerification: () => manage("POST", "/verify-email/request", "sent"),
        verifyEmail: (proof) => session.begin("/verify-email", proof),
        requestEmailChange: (change) => manage("POST", "/change-email/request", "sent", change),
        getEmailChange: () => manage("GET", "/change-email", "waiting"),
        cancelEmailChange: () => manage("DELETE", "/change-email", "cancelled"),
        changeEmail: (proof) => session.begin("/change-email", proof),
        undoEmailChange: (undo) => end("/change-email/undo", undo),
        exportUser: () => manage("GET", "/user/export", "user"),
        async deleteUser() {
            const result = await manage("DELETE", "/user", "deleted");
            if (result.data)
                await session.signOut(); // the session is gone; this tells every tab
            return result;
        },
        undoDeletion: (undo) => send("/user/undo-deletion", "success", undo),
        getSession: () => session.getSession(),
        refresh: () => session.refresh(),
        listSessions: () => manage("GET", "/sessions", "sessions"),
        async revokeSession(id) {
            const own = store.get().session?.id === id;
            const path = `/sessions/${encodeURIComponent(id)}`;
            const result = await manage("DELETE", path, "revoked");
            if (own && result.data)
                await session.getSession();
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
                    void session.getSession();
            }
            return () => {
                stop();
                if (!store.size)
                    watch.stop();
            };
        },
        hydrate: (state) => store.hydrate(state),
    };
    return client; // its type is for the program to say
}
