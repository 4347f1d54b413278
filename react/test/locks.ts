type Callback = (lock: { name: string } | null) => unknown;

/** navigator.locks as far as exclusive locks go: first come, first served, not re-entrant. */
export class LockManager {
  #queues = new Map<string, (() => void)[]>();
  /** Names in the order in which they were granted. */
  granted: string[] = [];

  async request(name: string, ...rest: [Callback] | [LockOptions, Callback]): Promise<unknown> {
    const [options, callback] = rest.length === 1 ? [{}, rest[0]] : rest;
    await Promise.resolve(); // never granted synchronously
    const { signal } = options;
    signal?.throwIfAborted();
    const queue = this.#queues.get(name);
    if (queue && options.ifAvailable) return callback(null);
    if (queue) await this.#turn(queue, signal);
    else this.#queues.set(name, []);
    this.granted.push(name);
    try {
      return await callback({ name });
    } finally {
      const next = this.#queues.get(name)?.shift();
      if (next) next();
      else this.#queues.delete(name);
    }
  }

  #turn(queue: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal?.removeEventListener("abort", give);
        resolve();
      };
      const give = () => {
        queue.splice(queue.indexOf(turn), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", give);
      queue.push(turn);
    });
  }
}
