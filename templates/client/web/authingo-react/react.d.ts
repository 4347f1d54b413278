import { type ReactElement, type ReactNode } from "react";
import { type AuthClient } from "./client.js";
import type { Result } from "./errors.js";
import type { SessionData } from "./models.js";
import { type AuthState } from "./store.js";
/** The state, and what changes it. */
export type Auth<Profile = undefined> = AuthState<Profile> & {
    checkSession: AuthClient<Profile>["getSession"];
    logout: AuthClient<Profile>["signOut"];
    signIn: AuthClient<Profile>["signIn"];
    signUp: AuthClient<Profile>["signUp"];
    /** For `fetch` and everything else. */
    client: AuthClient<Profile>;
};
export type AuthProviderProps = {
    /** What `getSession` of `@authingo/react/server` returned; read once. */
    initialSession?: SessionData<any> | null | undefined;
    children?: ReactNode;
} & ({
    baseURL: string;
    client?: undefined;
}
/** A client of your own, to use it outside of components too. */
 | {
    baseURL?: string;
    client: AuthClient<any>;
});
/** Holds the session for everything below it. */
export declare function AuthProvider(props: AuthProviderProps): ReactElement;
/** What a dialog needs that asks the user who they are. */
export type Reauthentication = {
    /** How the user can prove it, `"password"` or `"code"`; null: nothing is asked. */
    methods: string[] | null;
    /** Prove it. Where it succeeds, the request that was refused is sent again. */
    prove(proof: Parameters<AuthClient["reauthenticate"]>[0]): Promise<Result<SessionData>>;
    /** Do not; the request stays refused. */
    cancel(): void;
};
/** For one component: the dialog that opens when a request needs a recent authentication. */
export declare function useReauthentication(): Reauthentication;
/** Who is signed in, below an AuthProvider. `Profile`: your own fields of a user. */
export declare function useAuth<Profile = undefined>(): Auth<Profile>;
