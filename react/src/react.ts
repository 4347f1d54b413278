"use client";

import {
  createContext,
  createElement,
  useContext,
  useMemo,
  useState,
  useSyncExternalStore,
  type ReactElement,
  type ReactNode,
} from "react";
import { createAuthClient, type AuthClient } from "./client.js";
import type { SessionData } from "./models.js";
import { stateOf, type AuthState } from "./store.js";

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
} & (
  | { baseURL: string; client?: undefined }
  /** A client of your own, to use it outside of components too. */
  | { baseURL?: string; client: AuthClient }
);

const Context = createContext<Auth | null>(null);

/** Holds the session for everything below it. */
export function AuthProvider(props: AuthProviderProps): ReactElement {
  const [made] = useState(() => props.client ?? createAuthClient({ baseURL: props.baseURL }));
  const client = props.client ?? made;
  const [rendered] = useState(() => {
    const state = stateOf(props.initialSession);
    // Not on a server, where a client can be shared by the requests of many people.
    if (typeof window !== "undefined") client.hydrate(state);
    return state;
  });
  const state = useSyncExternalStore(client.subscribe, client.getState, () => rendered);
  const auth = useMemo<Auth>(() => {
    const { getSession, signOut, signIn, signUp } = client;
    return { ...state, checkSession: getSession, logout: signOut, signIn, signUp, client };
  }, [state, client]);
  return createElement(Context.Provider, { value: auth }, props.children);
}

/** Who is signed in, below an AuthProvider. */
export function useAuth(): Auth {
  const auth = useContext(Context);
  if (!auth) throw new Error("useAuth needs an <AuthProvider> above it.");
  return auth;
}
