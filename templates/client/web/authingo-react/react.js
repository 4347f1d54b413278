"use client";
import { createContext, createElement, useContext, useEffect, useMemo, useState, useSyncExternalStore, } from "react";
import { createAuthClient } from "./client.js";
import { stateOf } from "./store.js";
const Context = createContext(null);
/** Holds the session for everything below it. */
export function AuthProvider(props) {
    const [made] = useState(() => props.client ?? createAuthClient({ baseURL: props.baseURL }));
    const client = (props.client ?? made);
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
/** For one component: the dialog that opens when a request needs a recent authentication. */
export function useReauthentication() {
    const { client } = useAuth();
    const [asked, setAsked] = useState();
    useEffect(() => {
        let settle = (_proved) => { };
        const stop = client.onReauthenticationRequired((methods) => new Promise((resolve) => {
            settle = (proved) => {
                setAsked(undefined);
                resolve(proved);
            };
            setAsked({ methods, settle });
        }));
        return () => {
            stop();
            settle(false);
        };
    }, [client]);
    return useMemo(() => ({
        methods: asked?.methods ?? null,
        async prove(proof) {
            const result = await client.reauthenticate(proof);
            if (result.data)
                asked?.settle(true);
            return result;
        },
        cancel: () => asked?.settle(false),
    }), [asked, client]);
}
/** Who is signed in, below an AuthProvider. `Profile`: your own fields of a user. */
export function useAuth() {
    const auth = useContext(Context);
    if (!auth)
        throw new Error("useAuth needs an <AuthProvider> above it.");
    return auth; // its type is for the program to say
}
