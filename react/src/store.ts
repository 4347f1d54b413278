import type { AuthError } from "./errors.js";
import type { Session, SessionData, User } from "./models.js";

/** What is known of who is signed in. `status` tells which of the three it is. */
export type AuthState<Profile = undefined> = {
  /** The client is asking again; what is shown stays as it is. */
  isRefetching: boolean;
  /** Why the last look at the session failed, or why the session ended by itself. */
  error: AuthError | null;
} & (
  | { status: "loading"; isLoading: true; user: null; session: null }
  | { status: "authenticated"; isLoading: false; user: User<Profile>; session: Session }
  | { status: "unauthenticated"; isLoading: false; user: null; session: null }
);

/** Why a session is over, as `authingo:logout` tells it in its `detail.reason`. */
export type LogoutReason = "signed_out" | "no_session" | "session_expired" | "refresh_reused";

declare global {
  interface WindowEventMap {
    "authingo:logout": CustomEvent<{ reason: LogoutReason }>;
  }
}

/** The state that a server's answer stands for; undefined: nothing is known yet. */
export function stateOf(
  known: SessionData | null | undefined,
  isRefetching = false,
  error: AuthError | null = null,
): AuthState {
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
  #state: AuthState = stateOf(undefined);
  #listeners = new Set<() => void>();

  get = (): AuthState => this.#state;

  get size(): number {
    return this.#listeners.size;
  }

  /** Who is signed in, in the form of a server's answer. */
  get known(): SessionData | null | undefined {
    const { status, user, session } = this.#state;
    return status === "authenticated" ? { user, session } : status === "loading" ? undefined : null;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Start from what a server rendered, unless more is known already. */
  hydrate(state: AuthState): void {
    if (this.#state.isLoading) this.#state = state;
  }

  refetching(isRefetching: boolean): void {
    this.#become(stateOf(this.known, isRefetching, this.#state.error));
  }

  signedIn(data: SessionData): void {
    this.#become(stateOf(data, this.#state.isRefetching));
  }

  /** A check of the session failed, which says nothing about the session itself. */
  failed(error: AuthError): void {
    this.#become(stateOf(this.known, this.#state.isRefetching, error));
  }

  /** The session ended for good. If no user was signed in, that is neither an error nor an end. */
  ended(reason: LogoutReason, error: AuthError | null): void {
    const mine = this.#state.user !== null || (error !== null && reason !== "no_session");
    this.#become(stateOf(null, this.#state.isRefetching, reason === "no_session" ? null : error));
    if (mine) announceEnd(reason);
  }

  #become(next: AuthState): void {
    const before = this.#state;
    if (next.status === "authenticated") {
      next.user = kept(before.user, next.user);
      next.session = kept(before.session, next.session);
    }
    next.error = kept(before.error, next.error);
    if (same(before, next)) return;
    this.#state = next;
    for (const listener of [...this.#listeners]) listener();
    // Another user signed in, perhaps in another tab: drop what the first user saw.
    if (before.user && next.user && before.user.id !== next.user.id) announceEnd("signed_out");
  }
}

/** The old object where the new one says the same, so that nothing renders again for it. */
function kept<T>(before: T | null, next: T): T {
  return JSON.stringify(before) === JSON.stringify(next) ? (before as T) : next;
}

function same(a: AuthState, b: AuthState): boolean {
  return (Object.keys(b) as (keyof AuthState)[]).every((key) => a[key] === b[key]);
}

function announceEnd(reason: LogoutReason): void {
  globalThis.dispatchEvent?.(new CustomEvent("authingo:logout", { detail: { reason } }));
}
