const FOCUS_GAP = 5_000; // milliseconds between two looks that focus causes
const LONGEST_WAIT = 60; // seconds between two tries while the server is away
/** What makes a tab look at the session again: focus, the network, other tabs, a failed look. */
export class Watch {
    name;
    look;
    heard;
    #channel;
    #timer;
    #failures = 0;
    #watching = false;
    #lookedAt = -Infinity;
    constructor(name, look, heard) {
        this.name = name;
        this.look = look;
        this.heard = heard;
    }
    start() {
        this.#watching = true;
        this.#channel = open(this.name());
        if (this.#channel)
            this.#channel.onmessage = () => void this.heard();
        for (const type of ["focus", "visibilitychange", "online"]) {
            globalThis.addEventListener?.(type, this.#woke);
        }
    }
    stop() {
        this.#watching = false;
        clearTimeout(this.#timer);
        this.#channel?.close();
        this.#channel = undefined;
        for (const type of ["focus", "visibilitychange", "online"]) {
            globalThis.removeEventListener?.(type, this.#woke);
        }
    }
    /** Tell the other tabs to look. The message is empty: who signed in is for the server to say. */
    announce() {
        const channel = this.#channel ?? open(this.name());
        channel?.postMessage(null);
        if (channel !== this.#channel)
            channel?.close();
    }
    looking() {
        this.#lookedAt = Date.now();
        clearTimeout(this.#timer);
    }
    /** After a look. One that failed is tried again, later each time and not all tabs at once. */
    looked(error) {
        const passing = error && (error.status === 0 || error.status >= 500 || error.code === "bad_response");
        if (!passing)
            this.#failures = 0;
        else if (this.#watching) {
            const wait = Math.max(error.retryAfter ?? 0, Math.min(2 ** this.#failures++, LONGEST_WAIT));
            clearTimeout(this.#timer);
            this.#timer = setTimeout(() => isAwake() && this.look(), (wait + Math.random()) * 1000);
        }
    }
    #woke = (event) => {
        const gap = Math.abs(Date.now() - this.#lookedAt); // clocks go backwards
        if (isAwake() && (event.type === "online" || gap >= FOCUS_GAP))
            void this.look();
    };
}
/** Visible and not known to be offline; otherwise focus or the network event will call. */
function isAwake() {
    return (globalThis.navigator?.onLine !== false && globalThis.document?.visibilityState !== "hidden");
}
function open(name) {
    try {
        return new BroadcastChannel(name);
    }
    catch {
        return undefined; // an old browser, or a page that may store nothing: focus has to do
    }
}
