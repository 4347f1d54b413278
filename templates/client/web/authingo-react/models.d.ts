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
