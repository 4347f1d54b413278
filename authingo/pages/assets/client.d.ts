// The types of client.js. MIT.

export declare const serverCodes: readonly ["body_too_large", "busy", "email_not_verified", "email_taken", "forbidden", "headers_too_large", "invalid_credentials", "invalid_input", "invalid_json", "invalid_token", "method_not_allowed", "missing_client_header", "no_session", "not_found", "origin_not_allowed", "password_required", "reauthentication_required", "refresh_reused", "request_timeout", "session_expired", "sign_up_closed", "store_unavailable", "too_many_requests", "unsupported_media_type", "user_referenced", "wrong_password"];

/** What every user has. Times are RFC 3339 in UTC. */
interface EveryUser {
    id: string;
    email: string;
    name: string;
    email_verified: boolean;
    created_at: string;
    updated_at: string;
    /** What the user may do is decided on the server; these say what to show. */
    roles: string[];
}
/** A user, as every route sends it. Name the type of your own fields, if the server has some. */
export type User<Profile = undefined> = EveryUser & (undefined extends Profile ? {
    profile?: Profile;
} : {
    profile: Profile;
});
/** A session: never its token, which no script can see. */
export interface Session {
    id: string;
    user_id: string;
    created_at: string;
    /** From then on a request is answered `session_expired`, and the client refreshes. */
    expires_at: string;
    /** From then on nothing but a new sign-in helps. */
    refresh_expires_at: string;
    /** When the user last proved who they are, and how: `["password"]`. */
    authenticated_at: string;
    methods: string[];
}
/** One line of `listSessions`: enough for its user to recognise it. */
export interface ListedSession extends Session {
    ip: string | null;
    user_agent: string | null;
    last_used_at: string;
    current: boolean;
}
/** Everything that is stored about a user: rows of each kind, the latest first. */
export interface UserExport {
    user: User;
    sessions: Record<string, unknown>[];
    credentials: Record<string, unknown>[];
    secrets: Record<string, unknown>[];
    mails: Record<string, unknown>[];
    events: Record<string, unknown>[];
}
/** Whether a change of address waits for the link in its mail. */
export type EmailChange = {
    waiting: true;
    new_email: string;
    requested_at: string;
} | {
    waiting: false;
    new_email: null;
    requested_at: null;
};
/** What became of an account that its user wants deleted. */
export type Deletion = {
    deleted: true;
    delete_at: null;
} | {
    deleted: false;
    delete_at: string;
};
/** Who is signed in. */
export interface SessionData<Profile = undefined> {
    user: User<Profile>;
    session: Session;
}
/** A sign-up: who is signed in, or `sent`, where addresses have to be verified before that. */
export type SignUpData<Profile = undefined> = (SessionData<Profile> & {
    sent?: undefined;
}) | {
    sent: true;
    user?: undefined;
    session?: undefined;
};
export {};

/** What the client itself has to say; every other code is the server's. */
export type ClientCode = "network_error" | "bad_response" | "signed_out";
/** Keep a default branch: a newer server may know more. */
export type AuthErrorCode = (typeof serverCodes)[number] | ClientCode;
export interface AuthError {
    code: AuthErrorCode;
    /** For people, in English. */
    message: string;
    /** Of the HTTP answer; 0 where there was none. */
    status: number;
    /** With `invalid_input`: what is wrong with which field. */
    fields?: Record<string, string>;
    /** With `reauthentication_required`: how the user can prove again who they are. */
    methods?: string[];
    /** Seconds, with `too_many_requests`, `busy` and `store_unavailable`. */
    retryAfter?: number;
}
/** What every action resolves to; none of them rejects. */
export type Result<T> = {
    data: T;
    error: null;
} | {
    data: null;
    error: AuthError;
};

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

/** `methods`: how the user can prove who they are, `"password"` or `"code"`; none if empty. */
export type AskForProof = (methods: string[]) => Promise<boolean>;
export interface AuthClient<Profile = undefined> {
    signIn: {
        email(credentials: {
            email: string;
            password: string;
        }): Promise<Result<SessionData<Profile>>>;
        /** Sign in with the code of a mail, in the browser that asked for it. */
        code(entered: {
            code: string;
        }): Promise<Result<SessionData<Profile>>>;
    };
    signUp: {
        /** Where addresses have to be verified first, `sent` is true and nobody is signed in. */
        email(account: {
            email: string;
            password: string;
            name: string;
            profile?: Partial<Profile>;
        }): Promise<Result<SignUpData<Profile>>>;
    };
    /** Send a mail with a code for `signIn.code`. The answer is the same for everybody. */
    requestSignInCode(account: {
        email: string;
    }): Promise<Result<{
        sent: true;
    }>>;
    /** Where it fails the user is still signed in: no script can take a cookie away. */
    signOut(): Promise<Result<{
        success: true;
    }>>;
    /** Prove again who is signed in, when the server answers `reauthentication_required`. */
    reauthenticate(proof: {
        password: string;
    } | {
        code: string;
    }): Promise<Result<SessionData<Profile>>>;
    /**
     * Have this called when a request is refused with `reauthentication_required`: of this client,
     * or of your own API by `fetch`. It asks the user, calls `reauthenticate`, and resolves to
     * whether that went well; then the request is sent again. Of several requests, one asks.
     * Returns what ends it.
     */
    onReauthenticationRequired(ask: AskForProof): () => void;
    /** Send a mail with a code for `reauthenticate`, to a user who has no password. */
    requestReauthenticationCode(): Promise<Result<{
        sent: boolean;
    }>>;
    /** Every older session of the user ends; this browser gets a new one. */
    changePassword(passwords: {
        current_password: string;
        new_password: string;
    }): Promise<Result<SessionData<Profile>>>;
    /** Change the name of the user who is signed in, or fields of your own; the others stay. */
    updateUser(changes: {
        name?: string;
        profile?: Partial<Profile>;
    }): Promise<Result<SessionData<Profile>>>;
    /** Send a mail with a link to choose a new password. The answer is the same for everybody. */
    requestPasswordReset(account: {
        email: string;
    }): Promise<Result<{
        sent: true;
    }>>;
    /** Choose a new password with the token of the mail. Every session of the user ends. */
    resetPassword(reset: {
        token: string;
        new_password: string;
    }): Promise<Result<{
        success: true;
    }>>;
    /** Send a mail with a link to verify the user's address. `sent` is false if it is verified. */
    requestEmailVerification(): Promise<Result<{
        sent: boolean;
    }>>;
    /**
     * Verify an address with the token of the mail. `password_required`: the user is not signed in
     * here. With the password, this is a sign-in.
     */
    verifyEmail(proof: {
        token: string;
        password?: string;
    }): Promise<Result<SessionData<Profile>>>;
    /** Send a mail to a new address, with a link that makes it the user's. It may need a proof. */
    requestEmailChange(change: {
        new_email: string;
    }): Promise<Result<{
        sent: true;
    }>>;
    /** The change of address that the user has asked for, until it is complete. */
    getEmailChange(): Promise<Result<EmailChange>>;
    /** End that change: its link works no more. */
    cancelEmailChange(): Promise<Result<{
        cancelled: boolean;
    }>>;
    /** Change the address with the token of the mail; the rest is as with `verifyEmail`. */
    changeEmail(proof: {
        token: string;
        password?: string;
    }): Promise<Result<SessionData<Profile>>>;
    /** Get the old address back, with the token of the mail to it. Every session ends. */
    undoEmailChange(undo: {
        token: string;
        email: string;
    }): Promise<Result<{
        success: true;
    }>>;
    /** Everything that is stored about the user, once an hour. It may need a proof. */
    exportUser(): Promise<Result<UserExport>>;
    /**
     * Delete the account of the user, who is signed out. `delete_at`: when that happens, if not at
     * once; the mail then has a link that undoes it. It may need a proof.
     */
    deleteUser(): Promise<Result<Deletion>>;
    /** Keep an account that will be deleted, with the token of the mail to it. */
    undoDeletion(undo: {
        token: string;
        email: string;
    }): Promise<Result<{
        success: true;
    }>>;
    /** Ask the server who is signed in, and renew a session that has expired. */
    getSession(): Promise<Result<SessionData<Profile>>>;
    /** Renew the session now. There is rarely a need: `fetch` and `getSession` do it. */
    refresh(): Promise<Result<SessionData<Profile>>>;
    listSessions(): Promise<Result<{
        sessions: ListedSession[];
    }>>;
    revokeSession(id: string): Promise<Result<{
        revoked: number;
    }>>;
    revokeOtherSessions(): Promise<Result<{
        revoked: number;
    }>>;
    /** The fetch of the platform for your own API; a path is one of baseURL's origin. */
    fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
    getState(): AuthState<Profile>;
    /** Call the listener on every change. The state is kept fresh while there is a listener. */
    subscribe(listener: () => void): () => void;
    /** Start from a state that a server rendered, unless more is known already. */
    hydrate(state: AuthState<Profile>): void;
}
/** The client of one server. It does nothing until it is asked or subscribed to. */
export declare function createAuthClient<Profile = undefined>({ baseURL, }: {
    baseURL: string;
}): AuthClient<Profile>;
