import { type Result } from "./errors.js";
export declare const CLIENT_HEADER = "X-Authingo-Client";
/** The client's own requests to the routes, which can all be dropped at once. */
export declare class Caller {
    #private;
    /** Send one and read its answer, which has to hold one of the `keys`. Never rejects. */
    call<T>(method: string, url: string, keys: (keyof T & string)[], body?: object): Promise<Result<T>>;
    drop(): void;
}
export declare const unreachable: () => {
    data: null;
    error: import("./errors.js").AuthError;
};
export declare const overtaken: () => {
    data: null;
    error: import("./errors.js").AuthError;
};
