import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createAuthClient, type AuthClient } from "../src/client.js";
import { BASE, Script, refusal, settled, signedIn } from "./script.js";

const HEADER = "X-Authingo-Client";
const RENEWED = signedIn("Ada", "2030-01-01T00:30:00.000000Z");

let script: Script;
let client: AuthClient;

beforeEach(() => {
  script = new Script().install();
  client = createAuthClient({ baseURL: BASE });
});
afterEach(() => vi.unstubAllGlobals());

async function begin(data = signedIn()): Promise<void> {
  const asked = client.getSession();
  (await script.next("GET /api/auth/session")).answer(200, data);
  await asked;
  script.calls = [];
}

/** Answer the request for a page with an expired session, and the renewal that follows. */
async function renew(data = RENEWED): Promise<void> {
  (await script.next("GET /api/auth/session")).refuse(401, "session_expired");
  (await script.next("POST /api/auth/refresh")).answer(200, data);
}

describe("to the origin of baseURL", () => {
  it.each([
    ["a path", "/x"],
    ["an address", `${BASE}/x`],
    ["a URL", new URL("/x", BASE)],
    ["a Request", new Request(`${BASE}/x`, { headers: { A: "1" } })],
  ])("%s goes with cookies and the client header", async (_, input) => {
    const answer = client.fetch(input);
    const call = await script.next("GET /x");
    expect(call.url).toBe(`${BASE}/x`);
    expect(call.init.credentials).toBe("include");
    expect(call.headers.get(HEADER)).toBe("true");
    if (input instanceof Request) expect(call.headers.get("A")).toBe("1");
    call.answer(200, "{}");
    expect((await answer).status).toBe(200);
  });

  it("what the caller sets is kept, but for the cookies and the header", async () => {
    const init: RequestInit = {
      method: "POST",
      body: "text",
      headers: { "Content-Type": "text/plain", [HEADER]: "no" },
      credentials: "omit",
    };
    void client.fetch("/x", init);
    const { init: sent, headers } = await script.next("POST /x");
    expect(sent).toMatchObject({ body: "text", credentials: "include" });
    expect(Object.fromEntries(headers)).toEqual({
      "content-type": "text/plain",
      "x-authingo-client": "true",
    });
  });

  it("a redirect is an error from another origin, where it could lead anywhere", async () => {
    void client.fetch("/x");
    expect((await script.next("GET /x")).init.redirect).toBe("error");
    void client.fetch("/y", { redirect: "manual" });
    expect((await script.next("GET /y")).init.redirect).toBe("manual");
  });

  it("a page of the same origin follows redirects within it", async () => {
    vi.stubGlobal("location", new URL(`${BASE}/page`));
    client = createAuthClient({ baseURL: "/api/auth" });
    void client.fetch("/x");
    const { init } = await script.next("GET /x");
    expect(init.mode).toBe("same-origin");
    expect(init.redirect).toBeUndefined();
  });
});

describe("to any other origin", () => {
  it.each([
    ["another host", "https://evil.example/x"],
    ["a subdomain", "https://x.api.example.com/x"],
    ["the parent domain", "https://example.com/x"],
    ["another scheme", "http://api.example.com/x"],
    ["another port", "https://api.example.com:8443/x"],
    ["a name that begins alike", "https://api.example.com.evil.example/x"],
    ["a user part", "https://api.example.com@evil.example/x"],
    ["no scheme", "//evil.example/x"],
    ["backslashes", "\\\\evil.example/x"],
    ["a Request", new Request("https://evil.example/x", { headers: { [HEADER]: "true" } })],
  ])("%s gets neither cookies nor header", async (_, input) => {
    await begin();
    const answer = client.fetch(input, { credentials: "include" });
    const call = await script.next("GET /x");
    expect(call.init.credentials).toBe("omit");
    expect(call.headers.has(HEADER)).toBe(false);
    call.refuse(401, "session_expired");
    expect((await answer).status).toBe(401);
    await settled();
    expect(script.calls).toHaveLength(1); // and its answer refreshes nothing
  });

  it("a header that the caller sets is taken off", async () => {
    void client.fetch("https://evil.example/x", { headers: { [HEADER]: "true", A: "1" } });
    const { headers } = await script.next("GET /x");
    expect(Object.fromEntries(headers)).toEqual({ a: "1" });
  });
});

describe("an answer", () => {
  beforeEach(() => begin());

  it("session_expired refreshes once and repeats the request", async () => {
    const answer = client.fetch("/x", { method: "POST", body: "text" });
    (await script.next("POST /x")).refuse(401, "session_expired");
    await renew();
    const again = await script.next("POST /x");
    expect(again.init.body).toBe("text");
    again.answer(200, { done: true });
    expect(await (await answer).json()).toEqual({ done: true });
    expect(script.lines()).toEqual(["POST /x", "GET /session", "POST /refresh", "POST /x"]);
    expect(client.getState().session).toEqual(RENEWED.session);
  });

  it("session_expired again is handed on", async () => {
    const answer = client.fetch("/x");
    (await script.next("GET /x")).refuse(401, "session_expired");
    await renew();
    (await script.next("GET /x")).refuse(401, "session_expired");
    expect(await (await answer).json()).toEqual(refusal("session_expired"));
    await settled();
    expect(script.lines()).toEqual(["GET /x", "GET /session", "POST /refresh", "GET /x"]);
  });

  it.each([
    ["a bare 401", 401, ""],
    ["a 401 of a proxy", 401, "<html>session_expired</html>"],
    ["a 401 with a number", 401, "401"],
    ["a 401 with null", 401, "null"],
    ["a 401 with another code", 401, refusal("token_expired")],
    ["invalid_credentials", 401, refusal("invalid_credentials")],
    ["a 403 that says session_expired", 403, refusal("session_expired")],
    ["a 200 that says session_expired", 200, refusal("session_expired")],
    ["a 503", 503, refusal("store_unavailable")],
  ])("%s refreshes nothing, and its body is whole", async (_, status, body) => {
    const answer = client.fetch("/x");
    (await script.next("GET /x")).answer(status, body);
    const text = typeof body === "string" ? body : JSON.stringify(body);
    expect(await (await answer).text()).toBe(text);
    await settled();
    expect(script.lines()).toEqual(["GET /x"]);
    expect(client.getState()).toMatchObject({ status: "authenticated", error: null });
  });

  it("that comes after a refresh finished repeats the request without another", async () => {
    const answer = client.fetch("/slow");
    const slow = await script.next("GET /slow");
    const refreshed = client.refresh();
    (await script.next("POST /api/auth/refresh")).answer(200, RENEWED);
    await refreshed;
    slow.refuse(401, "session_expired");
    (await script.next("GET /slow")).answer(200, "{}");
    expect((await answer).status).toBe(200);
    expect(script.lines()).toEqual(["GET /slow", "POST /refresh", "GET /slow"]);
  });

  it("is not fooled by a look that found the session active just before it expired", async () => {
    const looked = client.getSession();
    const look = await script.next("GET /api/auth/session");
    const answer = client.fetch("/x");
    (await script.next("GET /x")).refuse(401, "session_expired");
    await settled();
    look.answer(200, signedIn());
    await looked;
    await renew();
    (await script.next("GET /x")).answer(200, "{}");
    expect((await answer).status).toBe(200);
  });

  it("is handed on where the refresh fails, and nobody is signed out", async () => {
    const answer = client.fetch("/x");
    (await script.next("GET /x")).refuse(401, "session_expired");
    (await script.next("GET /api/auth/session")).refuse(401, "session_expired");
    (await script.next("POST /api/auth/refresh")).refuse(503, "store_unavailable");
    expect(await (await answer).json()).toEqual(refusal("session_expired"));
    expect(client.getState()).toMatchObject({
      status: "authenticated",
      error: { code: "store_unavailable" },
    });
  });

  it.each(["no_session", "refresh_reused"])("%s makes the client ask the server", async (code) => {
    const answer = client.fetch("/x");
    (await script.next("GET /x")).refuse(401, code);
    expect((await answer).status).toBe(401);
    expect(client.getState().status).toBe("authenticated"); // it may be a late one
    (await script.next("GET /api/auth/session")).refuse(401, "no_session");
    await settled();
    expect(client.getState().status).toBe("unauthenticated");
  });
});

describe("a request is not repeated", () => {
  beforeEach(() => begin());

  it("once its body is spent, but the session is renewed", async () => {
    const body = new ReadableStream();
    const answer = client.fetch("/x", { method: "PUT", body, duplex: "half" } as RequestInit);
    (await script.next("PUT /x")).refuse(401, "session_expired");
    await renew();
    expect((await answer).status).toBe(401);
    expect(script.lines()).toEqual(["PUT /x", "GET /session", "POST /refresh"]);
  });

  it("after a sign-out, not even when somebody signed in since", async () => {
    const answer = client.fetch("/x", { method: "POST", body: "pay" });
    const first = await script.next("POST /x");
    const out = client.signOut();
    (await script.next("POST /api/auth/sign-out")).answer(200, { success: true });
    await out;
    const entered = client.signIn.email({ email: "a", password: "b" });
    (await script.next("POST /api/auth/sign-in")).answer(200, RENEWED);
    await entered;
    first.refuse(401, "session_expired");
    expect((await answer).status).toBe(401);
    expect(script.lines()).toEqual(["POST /x", "POST /sign-out", "POST /sign-in"]);
  });

  it("nor the session renewed, while a sign-out is under way", async () => {
    const answer = client.fetch("/x");
    const first = await script.next("GET /x");
    const out = client.signOut();
    const leaving = await script.next("POST /api/auth/sign-out");
    first.refuse(401, "session_expired");
    expect((await answer).status).toBe(401);
    leaving.answer(200, { success: true });
    await out;
    await settled();
    expect(script.lines()).toEqual(["GET /x", "POST /sign-out"]);
  });

  it("in the name of somebody else who signed in, in another tab", async () => {
    const answer = client.fetch("/x", { method: "POST", body: "pay" });
    (await script.next("POST /x")).refuse(401, "session_expired");
    (await script.next("GET /api/auth/session")).answer(200, signedIn("Bob"));
    expect((await answer).status).toBe(401);
    expect(client.getState().user?.name).toBe("Bob");
    expect(script.lines()).toEqual(["POST /x", "GET /session"]);
  });

  it("when its caller gave up, and the reason reaches the caller", async () => {
    const stop = new AbortController();
    const answer = client.fetch("/x", { signal: stop.signal });
    (await script.next("GET /x")).refuse(401, "session_expired");
    stop.abort();
    vi.stubGlobal("fetch", (input: URL, init: RequestInit) => {
      init.signal?.throwIfAborted();
      return script.fetch(input, init);
    });
    await renew();
    await expect(answer).rejects.toThrow(DOMException);
  });
});
