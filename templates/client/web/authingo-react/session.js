import { routesAt } from "./address.js";
import { Caller, overtaken } from "./call.js";
import { withLock } from "./lock.js";
import { Store } from "./store.js";
import { Watch } from "./watch.js";
/**
 * Keeps one browser's session: looks at it, renews it, begins and ends it.
 *
 * All of these run under one lock that the tabs share, so none of them sees the cookies half
 * changed. An answer is dropped where something newer made it old: that of a look, by any
 * sign-in or sign-out since it began; that of a sign-in, by any sign-out since it was called.
 */
export class BrowserSession {
    baseURL;
    store = new Store();
    watch = new Watch(() => this.#name(), () => this.getSession(), async () => {
        await this.#checking; // it may have begun before the other tab's change
        await this.getSession();
    });
    /** How many sign-outs began. A request from before one must not bring the session back. */
    signOuts = 0;
    #changes = 0;
    #looks = 0; // under way
    #caller = new Caller();
    #checking;
    #refreshing;
    #leaving;
    constructor(baseURL) {
        this.baseURL = baseURL;
    }
    /** Who is signed in, by the server's word; a session that has expired is renewed. */
    getSession() {
        return (this.#checking ??= this.#look(() => this.#ask()).finally(() => {
            this.#checking = undefined;
        }));
    }
    /** Renew the session, or find that another tab did while this one waited for its turn. */
    refresh() {
        const renew = (waited) => (waited ? this.#ask() : this.#rotate());
        return (this.#refreshing ??= this.#look(renew).finally(() => {
            this.#refreshing = undefined;
        }));
    }
    /** Sign in, sign up, reauthenticate, change the password: what gives new cookies. */
    begin(path, body) {
        return this.#begin("POST", path, body, ["user"]);
    }
    /** Change the user who is signed in. */
    update(changes) {
        return this.#begin("PATCH", "/user", changes, ["user"]);
    }
    /** Sign up. Where addresses have to be verified first, no session begins. */
    signUp(account) {
        return this.#begin("POST", "/sign-up", account, ["user", "sent"]);
    }
    #begin(method, path, body, keys) {
        const began = this.signOuts;
        const late = () => began !== this.signOuts;
        const send = () => this.#call(method, path, keys, body);
        return withLock(this.#name(), async () => {
            if (late())
                return overtaken();
            let result = await send();
            if (result.error?.code === "session_expired" && !late()) {
                const renewed = await this.#rotate();
                if (!late())
                    this.#apply(renewed);
                if (renewed.error)
                    result = renewed;
                else if (!late())
                    result = await send();
            }
            if (late())
                return overtaken();
            if (result.data?.user) {
                this.#changes++;
                this.#apply({ data: result.data, error: null });
                this.watch.announce();
            }
            else if (result.error && isEnd(result.error)) {
                this.#apply(result);
            }
            return result;
        });
    }
    signOut() {
        return (this.#leaving ??= this.#leave().finally(() => {
            this.#leaving = undefined;
        }));
    }
    async #leave() {
        this.signOuts++;
        this.#changes++;
        this.#caller.drop();
        const result = await withLock(this.#name(), () => this.#call("POST", "/sign-out", ["success"]));
        if (result.data) {
            this.#changes++;
            this.store.ended("signed_out", null);
            this.watch.announce();
        }
        else {
            void this.getSession(); // only the server knows whether the sign-out arrived
        }
        return result;
    }
    async #look(work) {
        const left = this.signOuts;
        let began = 0;
        this.watch.looking();
        this.#looks++;
        this.store.refetching(true);
        const result = await withLock(this.#name(), (waited) => {
            began = this.#changes;
            return work(waited);
        });
        const old = began !== this.#changes;
        if (!old)
            this.#apply(result);
        if (!--this.#looks)
            this.store.refetching(false);
        this.watch.looked(old ? null : result.error);
        if (!old)
            return result;
        const { known } = this.store; // since the sign-in that made this answer old
        return known && left === this.signOuts ? { data: known, error: null } : overtaken();
    }
    async #ask() {
        const result = await this.#call("GET", "/session", ["user"]);
        return result.error?.code === "session_expired" ? this.#rotate() : result;
    }
    #rotate() {
        return this.#call("POST", "/refresh", ["user"]);
    }
    /** Data is cleared by the server's word that the session is over, and by nothing else. */
    #apply({ data, error }) {
        if (data)
            this.store.signedIn(data);
        else if (isEnd(error))
            this.store.ended(error.code, error);
        else
            this.store.failed(error);
    }
    #call(method, path, keys, body) {
        return this.#caller.call(method, routesAt(this.baseURL) + path, keys, body);
    }
    #name() {
        return `authingo:${routesAt(this.baseURL)}`;
    }
}
function isEnd(error) {
    return ENDS.some((code) => code === error.code);
}
const ENDS = ["no_session", "session_expired", "refresh_reused"];
