import { type ReactElement, type ReactNode } from "react";
import { type AuthClient } from "./client.js";
import type { SessionData } from "./models.js";
import { type AuthState } from "./store.js";
/** The state, and what changes it. */
export type Auth = AuthState & {
    checkSession: AuthClient["getSession"];
    logout: AuthClient["signOut"];
    signIn: AuthClient["signIn"];
    signUp: AuthClient["signUp"];
    /** For `fetch` and everything else. */
    client: AuthClient;
};
export type AuthProviderProps = {
    /** What `getSession` of `@authingo/react/server` returned; read once. */
    initialSession?: SessionData | null | undefined;
    children?: ReactNode;
} & ({
    baseURL: string;
    client?: undefined;
}
/** A client of your own, to use it outside of components too. */
 | {
    baseURL?: string;
    client: AuthClient;
});
/** Holds the session for everything below it. */
export declare function AuthProvider(props: AuthProviderProps): ReactElement;
/** Who is signed in, below an AuthProvider. */
export declare function useAuth(): Auth;
