import { vi } from "vitest";
import { LockManager } from "./locks.js";

const network = globalThis.fetch; // Node's own, before any test takes its place

interface Cookie {
  value: string;
  path: string;
}

/**
 * What Node lacks of a browser: a cookie jar, a network that can be pulled, locks between tabs.
 * Its fetch is the real one, to a real server.
 */
export class Browser {
  cookies = new Map<string, Cookie>();
  /** Every request that got an answer: "POST /api/auth/refresh 200". */
  log: string[] = [];
  online = true;
  /** Called before each request leaves. */
  before: (path: string) => Promise<void> | void = () => {};

  /** Take the place of the platform's; `locks: false` is a browser without navigator.locks. */
  install({ locks = true } = {}): this {
    const onLine = () => this.online;
    vi.stubGlobal("fetch", this.fetch);
    vi.stubGlobal("navigator", {
      ...(locks && { locks: new LockManager() }),
      get onLine() {
        return onLine();
      },
    });
    return this;
  }

  fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    await this.before(pathname);
    if (!this.online) throw new TypeError("fetch failed");
    if (request.credentials === "include") {
      const sent = [...this.cookies].filter(([, { path }]) => isBelow(pathname, path));
      const header = sent.map(([name, { value }]) => `${name}=${value}`).join("; ");
      if (header) request.headers.set("Cookie", header);
    }
    const answer = await network(request);
    if (!this.online) throw new TypeError("terminated");
    if (request.credentials === "include") answer.headers.getSetCookie().forEach(this.#keep);
    this.log.push(`${request.method} ${pathname} ${answer.status}`);
    return answer;
  };

  count(line: string): number {
    return this.log.filter((logged) => logged.startsWith(line)).length;
  }

  #keep = (header: string): void => {
    const [pair = "", ...rest] = header.split("; ");
    const [name = "", value = ""] = pair.split("=");
    const attributes = new Map(rest.map((text) => text.split("=") as [string, string]));
    if (attributes.get("Max-Age") === "0") this.cookies.delete(name);
    else this.cookies.set(name, { value, path: attributes.get("Path") ?? "/" });
  };
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** A tab of its own: the modules of the client loaded once more, so that tabs share nothing. */
export async function newTab(baseURL: string) {
  vi.resetModules();
  const { createAuthClient } = await import("../src/client.js");
  return createAuthClient({ baseURL });
}
