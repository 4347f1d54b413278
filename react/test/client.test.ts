import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createAuthClient, type AuthClient } from "../src/client.js";
import { BASE, Script, refusal, settled, signedIn } from "./script.js";

const ADA = { email: "ada@example.com", password: "correct horse battery" };
const RENEWED = signedIn("Ada", "2030-01-01T00:30:00.000000Z");

let script: Script;
let client: AuthClient;
let ends: string[];

beforeEach(() => {
  script = new Script().install();
  client = createAuthClient({ baseURL: BASE });
  ends = [];
  vi.stubGlobal("dispatchEvent", (event: CustomEvent) => ends.push(event.detail.reason));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function begin(data = signedIn()): Promise<void> {
  const asked = client.getSession();
  (await script.next("GET /api/auth/session")).answer(200, data);
  await asked;
  script.calls = [];
}

describe("a baseURL", () => {
  it.each([
    ["https://a.example", "https://a.example/api/auth/session"],
    ["https://a.example/", "https://a.example/api/auth/session"],
    ["https://a.example/api/auth", "https://a.example/api/auth/session"],
    ["https://a.example/auth/", "https://a.example/auth/session"],
    ["https://a.example/auth?a#b", "https://a.example/auth/session"],
    ["/", "https://page.example:8443/api/auth/session"],
    ["", "https://page.example:8443/api/auth/session"],
    ["/auth", "https://page.example:8443/auth/session"],
  ])("%j means %s", async (baseURL, url) => {
    vi.stubGlobal("location", new URL("https://page.example:8443/deep/page"));
    void createAuthClient({ baseURL }).getSession();
    expect((await script.next(`GET ${new URL(url).pathname}`)).url).toBe(url);
  });
});

describe("a request of its own", () => {
  it("goes with cookies and header, is not cached, and follows no redirect", async () => {
    void client.signIn.email(ADA);
    const { init, headers } = await script.next("POST /api/auth/sign-in");
    expect(init).toMatchObject({
      credentials: "include",
      redirect: "error",
      cache: "no-store",
      body: JSON.stringify(ADA),
    });
    expect(Object.fromEntries(headers)).toEqual({
      "content-type": "application/json",
      "x-authingo-client": "true",
    });
  });

  it.each<[string, number, unknown, object]>([
    ["a proxy's page", 502, "<html>", { code: "bad_response", status: 502 }],
    ["a page in its place", 200, "<html>", { code: "bad_response", status: 200 }],
    ["JSON of something else", 200, { hello: 1 }, { code: "bad_response", status: 200 }],
    ["an array", 200, [], { code: "bad_response", status: 200 }],
    ["an error of something else", 404, { detail: "Not Found" }, { code: "bad_response" }],
    ["a code that is not text", 400, { code: 7 }, { code: "bad_response" }],
    ["a newer code", 403, { code: "newer", message: "New." }, { code: "newer", message: "New." }],
  ])("tells of %s", async (_, status, body, error) => {
    const result = client.signIn.email(ADA);
    (await script.next("POST /api/auth/sign-in")).answer(status, body);
    expect(await result).toMatchObject({ data: null, error });
  });

  it.each([
    ["7", 7],
    ["soon", undefined],
    ["", undefined],
  ])("reads Retry-After: %j", async (header, seconds) => {
    const result = client.signIn.email(ADA);
    const call = await script.next("POST /api/auth/sign-in");
    call.refuse(429, "too_many_requests", { "Retry-After": header });
    expect((await result).error?.retryAfter).toBe(seconds);
  });

  it("is given up after twenty seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const result = client.getSession();
    await vi.advanceTimersByTimeAsync(20_001);
    expect((await result).error).toMatchObject({ code: "network_error", status: 0 });
  });
});

describe("the first look", () => {
  it("alone shows loading", async () => {
    const seen: string[] = [];
    const stop = client.subscribe(() => {
      const { status, isLoading, isRefetching } = client.getState();
      seen.push(`${status} ${isLoading} ${isRefetching}`);
    });
    expect(client.getState()).toMatchObject({ status: "loading", isLoading: true, user: null });
    (await script.next("GET /api/auth/session")).answer(200, signedIn());
    await settled();
    const again = client.getSession();
    await settled();
    expect(client.getState()).toMatchObject({ isLoading: false, isRefetching: true });
    (await script.next("GET /api/auth/session")).answer(200, signedIn());
    await again;
    stop();
    expect(seen).toEqual([
      "authenticated false false",
      "authenticated false true",
      "authenticated false false",
    ]);
  });

  it("of a stranger is neither an error nor an end", async () => {
    const asked = client.getSession();
    (await script.next("GET /api/auth/session")).refuse(401, "no_session");
    expect((await asked).error?.code).toBe("no_session");
    expect(client.getState()).toMatchObject({ status: "unauthenticated", error: null });
    expect(ends).toEqual([]);
  });

  it("renews a session that expired since the last visit", async () => {
    const asked = client.getSession();
    (await script.next("GET /api/auth/session")).refuse(401, "session_expired");
    (await script.next("POST /api/auth/refresh")).answer(200, signedIn());
    expect((await asked).data).toEqual(signedIn());
  });

  it("that fails stays loading, and says why", async () => {
    const asked = client.getSession();
    (await script.next("GET /api/auth/session")).fail();
    await asked;
    expect(client.getState()).toMatchObject({
      status: "loading",
      error: { code: "network_error" },
    });
  });
});

describe("data", () => {
  beforeEach(() => begin());

  it.each(["no_session", "refresh_reused", "session_expired"])("is cleared by %s", async (code) => {
    const asked = client.getSession();
    (await script.next("GET /api/auth/session")).refuse(401, "session_expired");
    (await script.next("POST /api/auth/refresh")).refuse(401, code);
    await asked;
    const error = code === "no_session" ? null : { code };
    expect(client.getState()).toMatchObject({
      status: "unauthenticated",
      user: null,
      session: null,
    });
    expect(client.getState().error).toEqual(error && expect.objectContaining(error));
    expect(ends).toEqual([code]);
  });

  it("is cleared by a sign-out", async () => {
    const out = client.signOut();
    (await script.next("POST /api/auth/sign-out")).answer(200, { success: true });
    expect(await out).toEqual({ data: { success: true }, error: null });
    expect(client.getState()).toMatchObject({ status: "unauthenticated", error: null });
    expect(ends).toEqual(["signed_out"]);
  });

  it.each<[string, number, unknown]>([
    ["a network error", 0, ""],
    ["a 503", 503, { code: "store_unavailable", message: "" }],
    ["a 503 that is busy", 503, { code: "busy", message: "" }],
    ["a 429", 429, { code: "too_many_requests", message: "" }],
    ["a 403", 403, { code: "origin_not_allowed", message: "" }],
    ["a bare 401", 401, ""],
    ["a proxy's 401", 401, "<html>"],
    ["a 404", 404, { code: "not_found", message: "" }],
    ["a 500", 500, "Internal Server Error"],
    ["a captive portal", 200, "<html>"],
  ])("outlives %s, at a look and at a refresh", async (_, status, body) => {
    const { user, session } = client.getState();
    for (const path of ["/session", "/refresh"]) {
      const asked = client.getSession();
      if (path === "/refresh") {
        (await script.next("GET /api/auth/session")).refuse(401, "session_expired");
      }
      const call = await script.next(`${path === "/refresh" ? "POST" : "GET"} /api/auth${path}`);
      if (status) call.answer(status, body);
      else call.fail();
      expect((await asked).error).not.toBeNull();
      expect(client.getState()).toMatchObject({ status: "authenticated", isRefetching: false });
      expect(client.getState().error).not.toBeNull();
      expect(client.getState().user).toBe(user);
      expect(client.getState().session).toBe(session);
    }
    const asked = client.getSession();
    (await script.next("GET /api/auth/session")).answer(200, signedIn());
    await asked;
    expect(client.getState().error).toBeNull();
    expect(ends).toEqual([]);
  });

  it("outlives a sign-in that fails, and a sign-out that does", async () => {
    const entered = client.signIn.email(ADA);
    (await script.next("POST /api/auth/sign-in")).refuse(401, "invalid_credentials");
    expect((await entered).error?.code).toBe("invalid_credentials");
    const out = client.signOut();
    (await script.next("POST /api/auth/sign-out")).refuse(503, "store_unavailable");
    expect((await out).error?.code).toBe("store_unavailable");
    expect(client.getState()).toMatchObject({ status: "authenticated", error: null });
    expect(ends).toEqual([]);
    (await script.next("GET /api/auth/session")).refuse(401, "no_session"); // it had worked
    await settled();
    expect(client.getState().status).toBe("unauthenticated");
    expect(ends).toEqual(["no_session"]);
  });

  it("is the same object while the server says the same", async () => {
    const before = client.getState();
    let heard = 0;
    const stop = client.subscribe(() => heard++);
    const asked = client.getSession();
    (await script.next("GET /api/auth/session")).answer(200, signedIn());
    await asked;
    stop();
    expect(client.getState().user).toBe(before.user);
    expect(client.getState().session).toBe(before.session);
    expect(heard).toBe(2); // isRefetching, on and off
  });

  it("keeps the user where only the session is new", async () => {
    const before = client.getState();
    const refreshed = client.refresh();
    (await script.next("POST /api/auth/refresh")).answer(200, RENEWED);
    await refreshed;
    expect(client.getState().user).toBe(before.user);
    expect(client.getState().session).toEqual(RENEWED.session);
  });

  it("of somebody else ends what the first one saw", async () => {
    const entered = client.signIn.email(ADA);
    (await script.next("POST /api/auth/sign-in")).answer(200, signedIn("Bob"));
    await entered;
    expect(client.getState().user?.name).toBe("Bob");
    expect(ends).toEqual(["signed_out"]);
  });
});

describe("one at a time", () => {
  it("ten looks are one request", async () => {
    const asked = Array.from({ length: 10 }, () => client.getSession());
    (await script.next("GET /api/auth/session")).refuse(401, "session_expired");
    (await script.next("POST /api/auth/refresh")).answer(200, signedIn());
    expect((await Promise.all(asked)).every(({ data }) => data)).toBe(true);
    expect(script.lines()).toEqual(["GET /session", "POST /refresh"]);
  });

  it("ten refreshes are one request", async () => {
    const asked = Array.from({ length: 10 }, () => client.refresh());
    (await script.next("POST /api/auth/refresh")).answer(200, signedIn());
    await Promise.all(asked);
    expect(script.lines()).toEqual(["POST /refresh"]);
  });

  it("a refresh that waited for a look finds the work done", async () => {
    const looked = client.getSession();
    const refreshed = client.refresh();
    (await script.next("GET /api/auth/session")).refuse(401, "session_expired");
    (await script.next("POST /api/auth/refresh")).answer(200, RENEWED);
    await looked;
    (await script.next("GET /api/auth/session")).answer(200, RENEWED);
    expect((await refreshed).data).toEqual(RENEWED);
    expect(script.lines()).toEqual(["GET /session", "POST /refresh", "GET /session"]);
  });

  it.each([
    ["sign-in", () => client.signIn.email(ADA)],
    ["sign-up", () => client.signUp.email({ ...ADA, name: "Ada" })],
    ["change-password", () => client.changePassword({ current_password: "a", new_password: "b" })],
    ["sign-out", () => client.signOut()],
  ])("%s waits for its turn, and others wait for it", async (path, act) => {
    const refreshed = client.refresh();
    const refresh = await script.next("POST /api/auth/refresh");
    const acted = act();
    await settled();
    if (path !== "sign-out") expect(script.lines()).toEqual(["POST /refresh"]);
    else expect(refresh.aborted()).toBe(true);
    if (path !== "sign-out") refresh.answer(200, RENEWED);
    const call = await script.next(`POST /api/auth/${path}`);
    const looked = client.getSession();
    await settled();
    expect(script.lines()).toEqual(["POST /refresh", `POST /${path}`]);
    call.answer(200, path === "sign-out" ? { success: true } : RENEWED);
    (await script.next("GET /api/auth/session")).answer(200, RENEWED);
    await Promise.all([refreshed, acted, looked]);
  });
});

describe("a change of password", () => {
  beforeEach(() => begin());
  const passwords = { current_password: "a", new_password: "b" };

  it("renews an expired session under the lock that it holds, and goes on", async () => {
    const changed = client.changePassword(passwords);
    (await script.next("POST /api/auth/change-password")).refuse(401, "session_expired");
    (await script.next("POST /api/auth/refresh")).answer(200, RENEWED);
    (await script.next("POST /api/auth/change-password")).refuse(403, "wrong_password");
    expect((await changed).error?.code).toBe("wrong_password");
    expect(client.getState().session).toEqual(RENEWED.session);
  });

  it("that finds the session over clears it", async () => {
    const changed = client.changePassword(passwords);
    (await script.next("POST /api/auth/change-password")).refuse(401, "no_session");
    expect((await changed).error?.code).toBe("no_session");
    expect(client.getState().status).toBe("unauthenticated");
  });

  it("whose refresh fails leaves the user signed in", async () => {
    const changed = client.changePassword(passwords);
    (await script.next("POST /api/auth/change-password")).refuse(401, "session_expired");
    (await script.next("POST /api/auth/refresh")).fail();
    expect((await changed).error?.code).toBe("network_error");
    expect(client.getState().status).toBe("authenticated");
  });
});

describe("a sign-out drops what is under way", () => {
  beforeEach(() => begin());

  async function leave(): Promise<void> {
    const out = client.signOut();
    (await script.next("POST /api/auth/sign-out")).answer(200, { success: true });
    await out;
  }

  /** A browser that hands an answer on although the request was dropped a moment before. */
  function deaf(): void {
    vi.stubGlobal("fetch", (input: string, { signal: _, ...init }: RequestInit) =>
      script.fetch(input, init),
    );
  }

  it.each<[string, string, () => Promise<unknown>]>([
    ["a look", "GET /api/auth/session", () => client.getSession()],
    ["a refresh", "POST /api/auth/refresh", () => client.refresh()],
    ["a sign-in", "POST /api/auth/sign-in", () => client.signIn.email(ADA)],
  ])("%s", async (_, line, act) => {
    const acted = act();
    const call = await script.next(line);
    await leave();
    expect(call.aborted()).toBe(true);
    expect(await acted).toMatchObject({ data: null, error: { code: "signed_out" } });
    expect(client.getState()).toMatchObject({ status: "unauthenticated", isRefetching: false });
  });

  it.each<[string, string, () => Promise<unknown>]>([
    ["a look", "GET /api/auth/session", () => client.getSession()],
    ["a refresh", "POST /api/auth/refresh", () => client.refresh()],
    ["a sign-in", "POST /api/auth/sign-in", () => client.signIn.email(ADA)],
  ])("so that a late answer to %s cannot bring a session back", async (_, line, act) => {
    deaf();
    const acted = act();
    const call = await script.next(line);
    const seen: unknown[] = [];
    const stop = client.subscribe(() => seen.push(client.getState().status));
    const out = client.signOut();
    call.answer(200, RENEWED); // before the sign-out has its turn
    (await script.next("POST /api/auth/sign-out")).answer(200, { success: true });
    await out;
    stop();
    expect(await acted).toMatchObject({ data: null, error: { code: "signed_out" } });
    expect(client.getState()).toMatchObject({ status: "unauthenticated", user: null });
    expect(seen.at(-1)).toBe("unauthenticated");
    expect(ends).toEqual(["signed_out"]);
  });

  it("and a look whose lock was taken away after ten seconds", async () => {
    // The look holds the lock and hangs; the sign-out no longer waits; then the answer comes.
    vi.stubGlobal("navigator", {
      locks: {
        request: async (_: string, options: LockOptions, work: (lock: unknown) => unknown) => {
          if (!options.ifAvailable || script.calls.length)
            throw new DOMException("", "TimeoutError");
          return work({});
        },
      },
    });
    deaf();
    const asked = client.getSession();
    const call = await script.next("GET /api/auth/session");
    await leave();
    call.answer(200, RENEWED);
    expect(await asked).toMatchObject({ data: null, error: { code: "signed_out" } });
    expect(client.getState()).toMatchObject({ status: "unauthenticated", isRefetching: false });
  });

  it("a sign-in that has not begun never does", async () => {
    const refreshed = client.refresh();
    await script.next("POST /api/auth/refresh");
    const entered = client.signIn.email(ADA);
    await leave();
    expect((await entered).error?.code).toBe("signed_out");
    await refreshed;
    expect(script.lines()).toEqual(["POST /refresh", "POST /sign-out"]);
  });

  it("a list of sessions", async () => {
    const listed = client.listSessions();
    const call = await script.next("GET /api/auth/sessions");
    await leave();
    call.answer(200, { sessions: [] });
    expect((await listed).error?.code).toBe("signed_out");
  });

  it("but a first look dropped by a sign-out that fails is taken up again", async () => {
    client = createAuthClient({ baseURL: BASE });
    script.calls = [];
    void client.getSession();
    await script.next("GET /api/auth/session");
    const out = client.signOut();
    (await script.next("POST /api/auth/sign-out")).fail();
    expect((await out).error?.code).toBe("network_error");
    (await script.next("GET /api/auth/session")).answer(200, signedIn());
    await settled();
    expect(client.getState().status).toBe("authenticated");
  });

  it("and two sign-outs at once are one", async () => {
    const [one, two] = [client.signOut(), client.signOut()];
    (await script.next("POST /api/auth/sign-out")).answer(200, { success: true });
    expect(await one).toEqual(await two);
    expect(script.lines()).toEqual(["POST /sign-out"]);
    expect(ends).toEqual(["signed_out"]);
  });
});

describe("an old answer", () => {
  it("to a look does not undo the sign-out that ended meanwhile", async () => {
    const request = async () => {
      throw new DOMException("", "TimeoutError"); // both waited for ten seconds
    };
    vi.stubGlobal("navigator", { locks: { request } });
    await begin();
    const out = client.signOut();
    const leaving = await script.next("POST /api/auth/sign-out");
    const asked = client.getSession();
    const look = await script.next("GET /api/auth/session");
    leaving.answer(200, { success: true });
    await out;
    look.answer(200, signedIn());
    expect((await asked).data).toBeNull();
    expect(client.getState().status).toBe("unauthenticated");
  });

  it("to a look does not undo the sign-in that overtook it", async () => {
    let free = true;
    vi.stubGlobal("navigator", {
      locks: {
        request: async (_: string, __: LockOptions, work: (lock: unknown) => unknown) => {
          if (!free) throw new DOMException("", "TimeoutError"); // waited for ten seconds
          free = false;
          return work({});
        },
      },
    });
    const asked = client.getSession();
    const look = await script.next("GET /api/auth/session");
    const entered = client.signIn.email(ADA);
    (await script.next("POST /api/auth/sign-in")).answer(200, signedIn());
    await entered;
    look.refuse(401, "no_session");
    expect((await asked).data).toEqual(signedIn());
    expect(client.getState().status).toBe("authenticated");
  });
});

describe("a request that needs a recent authentication", () => {
  const METHODS = { ...refusal("reauthentication_required"), methods: ["password"] };
  const PROVED = signedIn("Ada");
  PROVED.session.authenticated_at = "2030-01-01T00:11:00.000000Z";

  async function refuse(line: string): Promise<void> {
    (await script.next(line)).answer(403, METHODS);
  }

  it("asks, proves under the lock, and is sent again", async () => {
    await begin();
    const asked: string[][] = [];
    client.onReauthenticationRequired(async (methods) => {
      asked.push(methods);
      const { data } = await client.reauthenticate({ password: ADA.password });
      return data !== null;
    });
    const answer = client.fetch("/api/danger", { method: "POST", body: "once" });
    await refuse("POST /api/danger");
    (await script.next("POST /api/auth/reauthenticate")).answer(200, PROVED);
    const again = await script.next("POST /api/danger");
    expect(again.init.body).toBe("once");
    again.answer(200, { done: true });
    expect(await (await answer).json()).toEqual({ done: true });
    expect(asked).toEqual([["password"]]);
  });

  it("of several, one asks; and one that was refused before the proof does not ask again", async () => {
    await begin();
    let questions = 0;
    client.onReauthenticationRequired(async () => {
      questions++;
      return (await client.reauthenticate({ password: ADA.password })).data !== null;
    });
    const answers = ["/a", "/b", "/late"].map((path) => client.fetch(path));
    await refuse("GET /a");
    await refuse("GET /b");
    (await script.next("POST /api/auth/reauthenticate")).answer(200, PROVED);
    for (const path of ["/a", "/b"]) (await script.next(`GET ${path}`)).answer(200, {});
    await refuse("GET /late");
    await vi.waitFor(() => expect(script.calls.filter((one) => !one.answered)).toHaveLength(1));
    (await script.next("GET /late")).answer(200, {});
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(questions).toBe(1);
  });

  it("stays refused where the user does not, nobody asks, or somebody else signs in", async () => {
    await begin();
    const refused = async () => {
      const result = client.deleteUser();
      await refuse("DELETE /api/auth/user");
      return (await result).error;
    };
    expect(await refused()).toMatchObject({ code: "reauthentication_required" });
    const stop = client.onReauthenticationRequired(() => Promise.reject(new Error("closed")));
    expect(await refused()).toMatchObject({ methods: ["password"] });
    stop();
    client.onReauthenticationRequired(async () => {
      const eve = client.signIn.email(ADA);
      (await script.next("POST /api/auth/sign-in")).answer(200, signedIn("Eve"));
      await eve;
      return true;
    });
    expect(await refused()).toMatchObject({ code: "reauthentication_required" });
    expect(script.calls.filter((one) => !one.answered)).toEqual([]);
  });

  it("deletes the account and signs out", async () => {
    await begin();
    const result = client.deleteUser();
    const deletion = { deleted: true, delete_at: null };
    (await script.next("DELETE /api/auth/user")).answer(200, deletion);
    (await script.next("POST /api/auth/sign-out")).answer(200, { success: true });
    expect((await result).data).toEqual(deletion);
    expect(client.getState().user).toBeNull();
    expect(ends).toEqual(["signed_out"]);
  });
});
