/**
 * Run `work` when nothing else of this name runs, in any tab. `waited` tells it that something
 * did, so that what it wanted to do may be done already.
 *
 * The lock saves requests; it is not what keeps people signed in. Where it cannot be had (no
 * secure context, an old browser, a tab that never lets go) the work is done all the same: the
 * server answers refreshes that cross each other with the very same tokens.
 */
export declare function withLock<T>(name: string, work: (waited: boolean) => Promise<T>): Promise<T>;
