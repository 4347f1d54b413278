import type { AuthError } from "./errors.js";
/** What makes a tab look at the session again: focus, the network, other tabs, a failed look. */
export declare class Watch {
    #private;
    private readonly name;
    private readonly look;
    private readonly heard;
    constructor(name: () => string, look: () => Promise<unknown>, heard: () => Promise<unknown>);
    start(): void;
    stop(): void;
    /** Tell the other tabs to look. The message is empty: who signed in is for the server to say. */
    announce(): void;
    looking(): void;
    /** After a look. One that failed is tried again, later each time and not all tabs at once. */
    looked(error: AuthError | null): void;
}
