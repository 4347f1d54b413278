/** The state that a server's answer stands for; undefined: nothing is known yet. */
export function stateOf(known, isRefetching = false, error = null) {
    if (known) {
        const { user, session } = known;
        return { status: "authenticated", isLoading: false, user, session, isRefetching, error };
    }
    const nobody = { user: null, session: null, error };
    if (known === null) {
        return { status: "unauthenticated", isLoading: false, isRefetching, ...nobody };
    }
    return { status: "loading", isLoading: true, isRefetching: false, ...nobody };
}
export class Store {
    #state = stateOf(undefined);
    #listeners = new Set();
    get = () => this.#state;
    get size() {
        return this.#listeners.size;
    }
    /** Who is signed in, in the form of a server's answer. */
    get known() {
        const { status, user, session } = this.#state;
        return status === "authenticated" ? { user, session } : status === "loading" ? undefined : null;
    }
    subscribe(listener) {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    }
    /** Start from what a server rendered, unless more is known already. */
    hydrate(state) {
        if (this.#state.isLoading)
            this.#state = state;
    }
    refetching(isRefetching) {
        this.#become(stateOf(this.known, isRefetching, this.#state.error));
    }
    signedIn(data) {
        this.#become(stateOf(data, this.#state.isRefetching));
    }
    /** A check of the session failed, which says nothing about the session itself. */
    failed(error) {
        this.#become(stateOf(this.known, this.#state.isRefetching, error));
    }
    /** The session ended for good. If no user was signed in, that is neither an error nor an end. */
    ended(reason, error) {
        const mine = this.#state.user !== null || (error !== null && reason !== "no_session");
        this.#become(stateOf(null, this.#state.isRefetching, reason === "no_session" ? null : error));
        if (mine)
            announceEnd(reason);
    }
    #become(next) {
        const before = this.#state;
        if (next.status === "authenticated") {
            next.user = kept(before.user, next.user);
            next.session = kept(before.session, next.session);
        }
        next.error = kept(before.error, next.error);
        if (same(before, next))
            return;
        this.#state = next;
        for (const listener of [...this.#listeners])
            listener();
        // Another user signed in, perhaps in another tab: drop what the first user saw.
        if (before.user && next.user && before.user.id !== next.user.id)
            announceEnd("signed_out");
    }
}
/** The old object where the new one says the same, so that nothing renders again for it. */
function kept(before, next) {
    return JSON.stringify(before) === JSON.stringify(next) ? before : next;
}
function same(a, b) {
    return Object.keys(b).every((key) => a[key] === b[key]);
}
function announceEnd(reason) {
    globalThis.dispatchEvent?.(new CustomEvent("authingo:logout", { detail: { reason } }));
}
