"use client";

import {
  createContext,
  createElement,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
  type ReactElement,
  type ReactNode,
} from "react";
import { createAuthClient, type AuthClient } from "./client.js";
import type { Result } from "./errors.js";
import type { SessionData } from "./models.js";
import { stateOf, type AuthState } from "./store.js";

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
} & (
  | { baseURL: string; client?: undefined }
  /** A client of your own, to use it outside of components too. */
  | { baseURL?: string; client: AuthClient<any> }
);

const Context = createContext<Auth | null>(null);

/** Holds the session for everything below it. */
export function AuthProvider(props: AuthProviderProps): ReactElement {
  const [made] = useState(() => props.client ?? createAuthClient({ baseURL: props.baseURL }));
  const client = (props.client ?? made) as AuthClient;
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
export function useReauthentication(): Reauthentication {
  const { client } = useAuth();
  const [asked, setAsked] = useState<{ methods: string[]; settle: (proved: boolean) => void }>();
  useEffect(() => {
    let settle = (_proved: boolean) => {};
    const stop = client.onReauthenticationRequired(
      (methods) =>
        new Promise<boolean>((resolve) => {
          settle = (proved) => {
            setAsked(undefined);
            resolve(proved);
          };
          setAsked({ methods, settle });
        }),
    );
    return () => {
      stop();
      settle(false);
    };
  }, [client]);
  return useMemo(
    () => ({
      methods: asked?.methods ?? null,
      async prove(proof) {
        const result = await client.reauthenticate(proof);
        if (result.data) asked?.settle(true);
        return result;
      },
      cancel: () => asked?.settle(false),
    }),
    [asked, client],
  );
}

/** Who is signed in, below an AuthProvider. `Profile`: your own fields of a user. */
export function useAuth<Profile = undefined>(): Auth<Profile> {
  const auth = useContext(Context);
  if (!auth) throw new Error("useAuth needs an <AuthProvider> above it.");
  return auth as unknown as Auth<Profile>; // its type is for the program to say
}
