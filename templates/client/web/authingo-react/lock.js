const PATIENCE = 10_000; // milliseconds: a tab that the system froze must not stop the others
const tails = new Map();
/**
 * Run `work` when nothing else of this name runs, in any tab. `waited` tells it that something
 * did, so that what it wanted to do may be done already.
 *
 * The lock saves requests; it is not what keeps people signed in. Where it cannot be had (no
 * secure context, an old browser, a tab that never lets go) the work is done all the same: the
 * server answers refreshes that cross each other with the very same tokens.
 */
export async function withLock(name, work) {
    const locks = globalThis.navigator?.locks;
    if (!locks)
        return inLine(name, work);
    let running;
    const begin = (waited) => (running ??= work(waited));
    try {
        await locks.request(name, { ifAvailable: true }, (lock) => lock && begin(false));
        if (!running) {
            await locks.request(name, { signal: AbortSignal.timeout(PATIENCE) }, () => begin(true));
        }
    }
    catch {
        // Refused, or waited for long enough; what `work` itself throws comes out below.
    }
    return begin(true);
}
/** The same within one tab. */
function inLine(name, work) {
    const before = tails.get(name);
    const run = before ? before.then(() => work(true)) : work(false);
    const tail = run
        .catch(() => { })
        .then(() => {
        if (tails.get(name) === tail)
            tails.delete(name);
    });
    tails.set(name, tail);
    return run;
}
