import type { serverCodes } from "./codes.js";
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
export declare function failed(code: ClientCode, message: string, status?: number): {
    data: null;
    error: AuthError;
};
/** Read an answer of authingo's; its body has to hold one of the `keys` to be one. */
export declare function readAnswer<T>(answer: Response, ...keys: (keyof T & string)[]): Promise<Result<T>>;
/** The code of a 401 that still has to be handed on unread. */
export declare function codeOf(answer: Response): Promise<unknown>;
/** How the user can prove who they are, if that is what this answer asks for. */
export declare function methodsOf(answer: Response): Promise<string[] | undefined>;
