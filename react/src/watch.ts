import type { AuthError } from "./errors.js";

const FOCUS_GAP = 5_000; // milliseconds between two looks that focus causes
const LONGEST_WAIT = 60; // seconds between two tries while the server is away

/** What makes a tab look at the session again: focus, the network, other tabs, a failed look. */
export class Watch {
  #channel: BroadcastChannel | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #watching = false;
  #lookedAt = -Infinity;

  constructor(
    private readonly name: () => string,
    private readonly look: () => Promise<unknown>,
    private readonly heard: () => Promise<unknown>,
  ) {}

  start(): void {
    this.#watching = true;
    this.#channel = open(this.name());
    if (this.#channel) this.#channel.onmessage = () => void this.heard();
    for (const type of ["focus", "visibilitychange", "online"]) {
      globalThis.addEventListener?.(type, this.#woke);
    }
  }

  stop(): void {
    this.#watching = false;
    clearTimeout(this.#timer);
    this.#channel?.close();
    this.#channel = undefined;
    for (const type of ["focus", "visibilitychange", "online"]) {
      globalThis.removeEventListener?.(type, this.#woke);
    }
  }

  /** Tell the other tabs to look. The message is empty: who signed in is for the server to say. */
  announce(): void {
    const channel = this.#channel ?? open(this.name());
    channel?.postMessage(null);
    if (channel !== this.#channel) channel?.close();
  }

  looking(): void {
    this.#lookedAt = Date.now();
    clearTimeout(this.#timer);
  }

  /** After a look. One that failed is tried again, later each time and not all tabs at once. */
  looked(error: AuthError | null): void {
    const passing =
      error && (error.status === 0 || error.status >= 500 || error.code === "bad_response");
    if (!passing) this.#failures = 0;
    else if (this.#watching) {
      const wait = Math.max(error.retryAfter ?? 0, Math.min(2 ** this.#failures++, LONGEST_WAIT));
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => isAwake() && this.look(), (wait + Math.random()) * 1000);
    }
  }

  #woke = (event: Event): void => {
    const gap = Math.abs(Date.now() - this.#lookedAt); // clocks go backwards
    if (isAwake() && (event.type === "online" || gap >= FOCUS_GAP)) void this.look();
  };
}

/** Visible and not known to be offline; otherwise focus or the network event will call. */
function isAwake(): boolean {
  return (
    globalThis.navigator?.onLine !== false && globalThis.document?.visibilityState !== "hidden"
  );
}

function open(name: string): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(name);
  } catch {
    return undefined; // an old browser, or a page that may store nothing: focus has to do
  }
}
