import { routesAt } from "./address.js";
import { Caller, overtaken, unreachable } from "./call.js";
import { readAnswer, type Result } from "./errors.js";
import { fetchWith } from "./fetch.js";
import { BrowserSession } from "./session.js";
import type {
  Deletion,
  EmailChange,
  ListedSession,
  SessionData,
  SignUpData,
  UserExport,
} from "./models.js";
import type { AuthState } from "./store.js";

export { serverCodes } from "./codes.js";
export type { AuthError, AuthErrorCode, ClientCode, Result } from "./errors.js";
export type {
  Deletion,
  EmailChange,
  ListedSession,
  Session,
  SessionData,
  SignUpData,
  User,
  UserExport,
} from "./models.js";
export type { AuthState, LogoutReason } from "./store.js";

/** `methods`: how the user can prove who they are, `"password"` or `"code"`; none if empty. */
export type AskForProof = (methods: string[]) => Promise<boolean>;

export interface AuthClient<Profile = undefined> {
  signIn: {
    email(credentials: { email: string; password: string }): Promise<Result<SessionData<Profile>>>;
    /** Sign in with the code of a mail, in the browser that asked for it. */
    code(entered: { code: string }): Promise<Result<SessionData<Profile>>>;
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
  requestSignInCode(account: { email: string }): Promise<Result<{ sent: true }>>;
  /** Where it fails the user is still signed in: no script can take a cookie away. */
  signOut(): Promise<Result<{ success: true }>>;
  /** Prove again who is signed in, when the server answers `reauthentication_required`. */
  reauthenticate(
    proof: { password: string } | { code: string },
  ): Promise<Result<SessionData<Profile>>>;
  /**
   * Have this called when a request is refused with `reauthentication_required`: of this client,
   * or of your own API by `fetch`. It asks the user, calls `reauthenticate`, and resolves to
   * whether that went well; then the request is sent again. Of several requests, one asks.
   * Returns what ends it.
   */
  onReauthenticationRequired(ask: AskForProof): () => void;
  /** Send a mail with a code for `reauthenticate`, to a user who has no password. */
  requestReauthenticationCode(): Promise<Result<{ sent: boolean }>>;
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
  requestPasswordReset(account: { email: string }): Promise<Result<{ sent: true }>>;
  /** Choose a new password with the token of the mail. Every session of the user ends. */
  resetPassword(reset: { token: string; new_password: string }): Promise<Result<{ success: true }>>;
  /** Send a mail with a link to verify the user's address. `sent` is false if it is verified. */
  requestEmailVerification(): Promise<Result<{ sent: boolean }>>;
  /**
   * Verify an address with the token of the mail. `password_required`: the user is not signed in
   * here. With the password, this is a sign-in.
   */
  verifyEmail(proof: { token: string; password?: string }): Promise<Result<SessionData<Profile>>>;
  /** Send a mail to a new address, with a link that makes it the user's. It may need a proof. */
  requestEmailChange(change: { new_email: string }): Promise<Result<{ sent: true }>>;
  /** The change of address that the user has asked for, until it is complete. */
  getEmailChange(): Promise<Result<EmailChange>>;
  /** End that change: its link works no more. */
  cancelEmailChange(): Promise<Result<{ cancelled: boolean }>>;
  /** Change the address with the token of the mail; the rest is as with `verifyEmail`. */
  changeEmail(proof: { token: string; password?: string }): Promise<Result<SessionData<Profile>>>;
  /** Get the old address back, with the token of the mail to it. Every session ends. */
  undoEmailChange(undo: { token: string; email: string }): Promise<Result<{ success: true }>>;
  /** Everything that is stored about the user, once an hour. It may need a proof. */
  exportUser(): Promise<Result<UserExport>>;
  /**
   * Delete the account of the user, who is signed out. `delete_at`: when that happens, if not at
   * once; the mail then has a link that undoes it. It may need a proof.
   */
  deleteUser(): Promise<Result<Deletion>>;
  /** Keep an account that will be deleted, with the token of the mail to it. */
  undoDeletion(undo: { token: string; email: string }): Promise<Result<{ success: true }>>;
  /** Ask the server who is signed in, and renew a session that has expired. */
  getSession(): Promise<Result<SessionData<Profile>>>;
  /** Renew the session now. There is rarely a need: `fetch` and `getSession` do it. */
  refresh(): Promise<Result<SessionData<Profile>>>;
  listSessions(): Promise<Result<{ sessions: ListedSession[] }>>;
  revokeSession(id: string): Promise<Result<{ revoked: number }>>;
  revokeOtherSessions(): Promise<Result<{ revoked: number }>>;
  /** The fetch of the platform for your own API; a path is one of baseURL's origin. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  getState(): AuthState<Profile>;
  /** Call the listener on every change. The state is kept fresh while there is a listener. */
  subscribe(listener: () => void): () => void;
  /** Start from a state that a server rendered, unless more is known already. */
  hydrate(state: AuthState<Profile>): void;
}

/** The client of one server. It does nothing until it is asked or subscribed to. */
export function createAuthClient<Profile = undefined>({
  baseURL,
}: {
  baseURL: string;
}): AuthClient<Profile> {
  const session = new BrowserSession(baseURL);
  const { store, watch } = session;
  const caller = new Caller();
  let ask: AskForProof | undefined;
  let asking: Promise<boolean> | undefined;
  const authFetch = fetchWith(session, () => routesAt(baseURL).origin, prove);

  /** Ask the user once, for all requests that need it now. */
  function prove(methods: string[]): Promise<boolean> {
    if (!ask) return Promise.resolve(false);
    return (asking ??= ask(methods)
      .catch(() => false)
      .finally(() => {
        asking = undefined;
      }));
  }

  /** Send a request that needs no session. */
  function send<T>(path: string, key: keyof T & string, body: object): Promise<Result<T>> {
    return caller.call<T>("POST", routesAt(baseURL) + path, [key], body);
  }

  /** Do what ends sessions, and find out whether the one of this browser is among them. */
  async function end(path: string, body: object): Promise<Result<{ success: true }>> {
    const result = await send<{ success: true }>(path, "success", body);
    if (result.data && store.get().user) await session.getSession();
    return result;
  }

  /** Send a request that needs a session and does not change it. */
  async function manage<T>(
    method: string,
    path: string,
    key: keyof T & string,
    body?: object,
  ): Promise<Result<T>> {
    const began = session.signOuts;
    const url = routesAt(baseURL) + path;
    const json = { "Content-Type": "application/json" };
    const request = body ? { method, headers: json, body: JSON.stringify(body) } : { method };
    try {
      const result = await readAnswer<T>(await authFetch(url, request), key);
      return began === session.signOuts ? result : overtaken();
    } catch {
      return unreachable();
    }
  }

  const client: AuthClient = {
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
        if (ask === own) ask = undefined;
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
      const result = await manage<Deletion>("DELETE", "/user", "deleted");
      if (result.data) await session.signOut(); // the session is gone; this tells every tab
      return result;
    },
    undoDeletion: (undo) => send("/user/undo-deletion", "success", undo),
    getSession: () => session.getSession(),
    refresh: () => session.refresh(),
    listSessions: () => manage("GET", "/sessions", "sessions"),
    async revokeSession(id) {
      const own = store.get().session?.id === id;
      const path = `/sessions/${encodeURIComponent(id)}`;
      const result = await manage<{ revoked: number }>("DELETE", path, "revoked");
      if (own && result.data) await session.getSession();
      return result;
    },
    revokeOtherSessions: () => manage("DELETE", "/sessions", "revoked"),
    fetch: authFetch,
    getState: store.get,
    subscribe(listener) {
      const stop = store.subscribe(listener);
      if (store.size === 1) {
        watch.start();
        if (store.get().isLoading) void session.getSession();
      }
      return () => {
        stop();
        if (!store.size) watch.stop();
      };
    },
    hydrate: (state) => store.hydrate(state),
  };
  return client as unknown as AuthClient<Profile>; // its type is for the program to say
}
