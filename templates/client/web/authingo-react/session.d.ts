import type { Result } from "./errors.js";
import type { SessionData, SignUpData } from "./models.js";
import { Store } from "./store.js";
import { Watch } from "./watch.js";
/**
 * Keeps one browser's session: looks at it, renews it, begins and ends it.
 *
 * All of these run under one lock that the tabs share, so none of them sees the cookies half
 * changed. An answer is dropped where something newer made it old: that of a look, by any
 * sign-in or sign-out since it began; that of a sign-in, by any sign-out since it was called.
 */
export declare class BrowserSession {
    #private;
    private readonly baseURL;
    readonly store: Store;
    readonly watch: Watch;
    /** How many sign-outs began. A request from before one must not bring the session back. */
    signOuts: number;
    constructor(baseURL: string);
    /** Who is signed in, by the server's word; a session that has expired is renewed. */
    getSession(): Promise<Result<SessionData>>;
    /** Renew the session, or find that another tab did while this one waited for its turn. */
    refresh(): Promise<Result<SessionData>>;
    /** Sign in, sign up, reauthenticate, change the password: what gives new cookies. */
    begin(path: string, body: object): Promise<Result<SessionData>>;
    /** Change the user who is signed in. */
    update(changes: object): Promise<Result<SessionData>>;
    /** Sign up. Where addresses have to be verified first, no session begins. */
    signUp(account: object): Promise<Result<SignUpData>>;
    signOut(): Promise<Result<{
        success: true;
    }>>;
}
