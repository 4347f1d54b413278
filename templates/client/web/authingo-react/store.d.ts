import type { AuthError } from "./errors.js";
import type { Session, SessionData, User } from "./models.js";
/** What is known of who is signed in. `status` tells which of the three it is. */
export type AuthState<Profile = undefined> = {
    /** The client is asking again; what is shown stays as it is. */
    isRefetching: boolean;
    /** Why the last look at the session failed, or why the session ended by itself. */
    error: AuthError | null;
} & ({
    status: "loading";
    isLoading: true;
    user: null;
    session: null;
} | {
    status: "authenticated";
    isLoading: false;
    user: User<Profile>;
    session: Session;
} | {
    status: "unauthenticated";
    isLoading: false;
    user: null;
    session: null;
});
/** Why a session is over, as `authingo:logout` tells it in its `detail.reason`. */
export type LogoutReason = "signed_out" | "no_session" | "session_expired" | "refresh_reused";
declare global {
    interface WindowEventMap {
        "authingo:logout": CustomEvent<{
            reason: LogoutReason;
        }>;
    }
}
/** The state that a server's answer stands for; undefined: nothing is known yet. */
export declare function stateOf(known: SessionData | null | undefined, isRefetching?: boolean, error?: AuthError | null): AuthState;
export declare class Store {
    #private;
    get: () => AuthState;
    get size(): number;
    /** Who is signed in, in the form of a server's answer. */
    get known(): SessionData | null | undefined;
    subscribe(listener: () => void): () => void;
    /** Start from what a server rendered, unless more is known already. */
    hydrate(state: AuthState): void;
    refetching(isRefetching: boolean): void;
    signedIn(data: SessionData): void;
    /** A check of the session failed, which says nothing about the session itself. */
    failed(error: AuthError): void;
    /** The session ended for good. If no user was signed in, that is neither an error nor an end. */
    ended(reason: LogoutReason, error: AuthError | null): void;
}
