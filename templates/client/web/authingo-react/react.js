"use client";
import { createContext, createElement, useContext, useMemo, useState, useSyncExternalStore, } from "react";
import { createAuthClient } from "./client.js";
import { stateOf } from "./store.js";
const Context = createContext(null);
/** Holds the session for everything below it. */
export function AuthProvider(props) {
    const [made] = useState(() => props.client ?? createAuthClient({ baseURL: props.baseURL }));
    const client = props.client ?? made;
    const [rendered] = useState(() => {
        const state = stateOf(props.initialSession);
        // Not on a server, where a client can be shared by the requests of many people.
        if (typeof window !== "undefined")
            client.hydrate(state);
        return state;
    });
    const state = useSyncExternalStore(client.subscribe, client.getState, () => rendered);
    const auth = useMemo(() => {
        const { getSession, signOut, signIn, signUp } = client;
        return { ...state, checkSession: getSession, logout: signOut, signIn, signUp, client };
    }, [state, client]);
    return createElement(Context.Provider, { value: auth }, props.children);
}
/** Who is signed in, below an AuthProvider. */
export function useAuth() {
    const auth = useContext(Context);
    if (!auth)
        throw new Error("useAuth needs an <AuthProvider> above it.");
    return auth;
}
