import { failed, readAnswer, type Result } from "./errors.js";

export const CLIENT_HEADER = "X-Authingo-Client";
const PATIENCE = 20_000; // milliseconds for one request

/** The client's own requests to the routes, which can all be dropped at once. */
export class Caller {
  #underWay = new Set<AbortController>();

  /** Send one and read its answer, which has to hold one of the `keys`. Never rejects. */
  async call<T>(
    method: string,
    url: string,
    keys: (keyof T & string)[],
    body?: object,
  ): Promise<Result<T>> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), PATIENCE);
    this.#underWay.add(stop);
    const headers: Record<string, string> = { [CLIENT_HEADER]: "true" };
    if (body) headers["Content-Type"] = "application/json";
    try {
      const answer = await fetch(url, {
        method,
        headers,
        body: body ? JSON.stringify(body) : null,
        credentials: "include",
        redirect: "error", // the routes have none
        cache: "no-store",
        signal: stop.signal,
      });
      return await readAnswer<T>(answer, ...keys);
    } catch {
      return unreachable();
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(stop);
    }
  }

  drop(): void {
    for (const stop of this.#underWay) stop.abort();
  }
}

export const unreachable = () => failed("network_error", "The server cannot be reached.");
export const overtaken = () => failed("signed_out", "A sign-out overtook this request.");
