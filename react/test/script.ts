import { vi } from "vitest";
import type { SessionData } from "../src/models.js";
import { LockManager } from "./locks.js";

export const BASE = "https://api.example.com";

export function signedIn(name = "Ada", expires = "2030-01-01T00:15:00.000000Z"): SessionData {
  const created_at = "2030-01-01T00:00:00.000000Z";
  const user = {
    id: `usr_${name}`,
    email: `${name}@example.com`,
    name,
    email_verified: true,
    created_at,
    updated_at: created_at,
    roles: [],
  };
  const session = {
    id: `ses_${name}`,
    user_id: user.id,
    created_at,
    expires_at: expires,
    refresh_expires_at: "2030-01-31T00:00:00.000000Z",
    authenticated_at: created_at,
    methods: ["password"],
  };
  return { user, session };
}

export const refusal = (code: string) => ({ code, message: `It is ${code}.` });

/** One request that the test has to answer. */
export class Call {
  answered = false;

  constructor(
    readonly line: string,
    readonly url: string,
    readonly init: RequestInit,
    readonly headers: Headers,
    readonly aborted: () => boolean,
    private readonly resolve: (answer: Response) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
    this.answered = true;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    this.resolve(new Response(text, { status, headers }));
  }

  refuse(status: number, code: string, headers?: Record<string, string>): void {
    this.answer(status, refusal(code), headers);
  }

  fail(): void {
    this.answered = true;
    this.reject(new TypeError("fetch failed"));
  }
}

/** A fetch whose every answer, and when it comes, is the test's to say. */
export class Script {
  calls: Call[] = [];

  install(): this {
    vi.stubGlobal("fetch", this.fetch);
    vi.stubGlobal("navigator", { locks: new LockManager() });
    return this;
  }

  fetch = (input: string | URL | Request, init: RequestInit = {}): Promise<Response> =>
    new Promise((resolve, reject) => {
      const request = typeof input === "object" && "url" in input ? input : undefined;
      const url = String(request?.url ?? input);
      const line = `${init.method ?? request?.method ?? "GET"} ${new URL(url).pathname}`;
      const headers = new Headers(init.headers ?? request?.headers);
      let aborted = false;
      init.signal?.addEventListener("abort", () => {
        aborted = true;
        reject(new DOMException("dropped", "AbortError"));
      });
      this.calls.push(new Call(line, url, init, headers, () => aborted, resolve, reject));
    });

  /** The oldest request of this line that has no answer yet; waits for it. */
  async next(line: string): Promise<Call> {
    return vi.waitFor(
      () => {
        const found = this.calls.find(
          (call) => call.line === line && !call.answered && !call.aborted(),
        );
        if (!found) throw new Error(`no ${line} among ${this.lines().join(", ")}`);
        return found;
      },
      { interval: 1 },
    );
  }

  lines(): string[] {
    return this.calls.map((call) => call.line.replace("/api/auth", ""));
  }
}

/** Let everything happen that needs no answer. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}
