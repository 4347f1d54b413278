import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { AuthClient } from "../src/client.js";
import { Backend } from "./backend.js";
import { Browser, newTab } from "./browser.js";

const ROUNDS = Number(process.env["AUTHINGO_TEST_ROUNDS"] ?? 1000);
const ADA = { email: "ada@example.com", password: "correct horse battery", name: "Ada" };
const ADA_IN = { email: ADA.email, password: ADA.password };

let backend: Backend;
let browser: Browser;
let tab: AuthClient;

beforeAll(async () => {
  backend = await Backend.start();
  new Browser().install();
  await (await newTab(backend.origin)).signUp.email(ADA);
});
afterAll(() => backend.end());
beforeEach(async () => {
  vi.unstubAllGlobals();
  browser = new Browser().install();
  tab = await newTab(backend.origin);
});
afterEach(() => vi.unstubAllGlobals());

const me = async (client: AuthClient) => (await client.fetch("/api/me")).json();
const ten = (client: AuthClient) => Array.from({ length: 10 }, () => me(client));
const EMIL = { email: "emil@example.com" };
const TEN_ANSWERS = Array.from({ length: 10 }, () => ({ email: ADA.email }));

describe("actions", () => {
  it("sign in, tell who it is, and sign out", async () => {
    const { data, error } = await tab.signIn.email(ADA_IN);
    expect(error).toBeNull();
    expect(data?.user.email).toBe(ADA.email);
    expect(tab.getState()).toMatchObject({ status: "authenticated", user: { name: "Ada" } });
    expect((await tab.getSession()).data).toEqual(data);
    expect(await tab.signOut()).toEqual({ data: { success: true }, error: null });
    expect(tab.getState().status).toBe("unauthenticated");
    expect([...browser.cookies.keys()]).toEqual(["authingo_device"]);
    expect((await tab.getSession()).error).toMatchObject({ code: "no_session", status: 401 });
  });

  it("say what is wrong, by code and by field", async () => {
    expect((await tab.signUp.email(ADA)).error).toMatchObject({ code: "email_taken", status: 409 });
    const { error } = await tab.signUp.email({ email: "not one", password: "short", name: "" });
    expect(error).toMatchObject({ code: "invalid_input", status: 422 });
    expect(Object.keys(error?.fields ?? {}).sort()).toEqual(["email", "name", "password"]);
  });

  it("change the password with a session that has expired meanwhile", async () => {
    await tab.signUp.email({ ...ADA, email: "bob@example.com" });
    await backend.expire();
    const passwords = { current_password: ADA.password, new_password: "a better battery horse" };
    const { data, error } = await tab.changePassword(passwords);
    expect(error).toBeNull();
    expect(tab.getState().session).toEqual(data?.session);
    expect((await tab.changePassword(passwords)).error?.code).toBe("wrong_password");
    expect(tab.getState().status).toBe("authenticated");
    expect(await me(tab)).toEqual({ email: "bob@example.com" });
  });

  it("reauthenticate, also with a session that has expired meanwhile", async () => {
    const secret = async () => (await tab.fetch("/api/secret")).json();
    await tab.signUp.email({ ...ADA, email: "dora@example.com" });
    expect(await secret()).toEqual({ email: "dora@example.com" });
    await backend.tire();
    const methods = ["password"];
    expect(await secret()).toMatchObject({ code: "reauthentication_required", methods });
    const wrong = await tab.reauthenticate({ password: "something else" });
    expect(wrong.error).toMatchObject({ code: "wrong_password", status: 403 });
    expect(tab.getState().status).toBe("authenticated");
    await backend.expire();
    const before = browser.cookies.get("authingo_session");
    const { data } = await tab.reauthenticate({ password: ADA.password });
    expect(data?.session.methods).toEqual(methods);
    expect(tab.getState().session).toEqual(data?.session);
    expect(browser.cookies.get("authingo_session")).not.toEqual(before);
    expect(await secret()).toEqual({ email: "dora@example.com" });
    expect((await tab.refresh()).data?.session.authenticated_at).toBe(
      data?.session.authenticated_at,
    );
  });

  it("reauthenticate in one tab while others ask and refresh", async () => {
    await tab.signUp.email({ ...ADA, email: "emil@example.com" });
    const other = await newTab(backend.origin);
    for (let round = 0; round < 5; round++) {
      const [proved, ...answers] = await Promise.all([
        tab.reauthenticate({ password: ADA.password }),
        other.refresh(),
        me(other),
        other.reauthenticate({ password: ADA.password }),
        me(tab),
      ]);
      expect(proved.error).toBeNull();
      expect(answers).toMatchObject([{ error: null }, EMIL, { error: null }, EMIL]);
    }
    expect(await me(other)).toEqual(EMIL);
  });

  it("reset a forgotten password, which ends the session here too", async () => {
    const cleo = { email: "cleo@example.com", password: "a whole new sentence" };
    await tab.signUp.email({ ...ADA, email: cleo.email });
    const sent = { data: { sent: true }, error: null };
    expect(await tab.requestPasswordReset({ email: "nobody@example.com" })).toEqual(sent);
    expect(await tab.requestPasswordReset({ email: cleo.email })).toEqual(sent);
    const token = await backend.token("/reset-password", cleo.email);
    const weak = await tab.resetPassword({ token, new_password: "short" });
    expect(weak.error).toMatchObject({ code: "invalid_input", status: 422 });
    expect(tab.getState().status).toBe("authenticated");
    const reset = { token, new_password: cleo.password };
    expect(await tab.resetPassword(reset)).toEqual({ data: { success: true }, error: null });
    expect(tab.getState().status).toBe("unauthenticated");
    expect((await tab.resetPassword(reset)).error?.code).toBe("invalid_token");
    expect((await tab.signIn.email(cleo)).data?.user.email_verified).toBe(true);
  });

  it("sign in with a code that came by mail, in the browser that asked for it", async () => {
    const sent = { data: { sent: true }, error: null };
    const hilda = { ...ADA, email: "hilda@example.com" };
    await (await newTab(backend.origin)).signUp.email(hilda);
    browser = new Browser().install();
    tab = await newTab(backend.origin);
    expect(await tab.requestSignInCode({ email: hilda.email })).toEqual(sent);
    const code = await backend.code(hilda.email);
    new Browser().install();
    const thief = await newTab(backend.origin);
    expect((await thief.signIn.code({ code })).error?.code).toBe("invalid_token");
    browser.install();
    const { data, error } = await tab.signIn.code({ code });
    expect(error).toBeNull();
    expect(data?.user).toMatchObject({ email: hilda.email, email_verified: true });
    expect(tab.getState()).toMatchObject({ status: "authenticated", user: { email: hilda.email } });
    expect([...browser.cookies.keys()]).not.toContain("authingo_ceremony");
    expect((await tab.requestReauthenticationCode()).data).toEqual({ sent: true });
    const proof = { code: await backend.code(hilda.email, code) };
    expect((await tab.reauthenticate(proof)).data?.session.methods).toEqual(["code"]);
    expect((await tab.reauthenticate(proof)).error?.code).toBe("invalid_token");
  });

  it("verify an address in the browser that signed up", async () => {
    const fred = { ...ADA, email: "fred@example.com" };
    await tab.signUp.email(fred);
    expect(tab.getState().user?.email_verified).toBe(false);
    const token = await backend.token("/verify-email", fred.email);
    await backend.expire();
    expect(await tab.requestEmailVerification()).toEqual({ data: { sent: true }, error: null });
    const { data, error } = await tab.verifyEmail({ token });
    expect(error).toBeNull();
    expect(data?.user.email_verified).toBe(true);
    expect(tab.getState().user?.email_verified).toBe(true);
    expect((await tab.requestEmailVerification()).data).toEqual({ sent: false });
    expect((await tab.verifyEmail({ token })).error?.code).toBe("invalid_token");
    expect(tab.getState().status).toBe("authenticated");
  });

  it("verify an address elsewhere with the password, which signs in", async () => {
    const gina = { ...ADA, email: "gina@example.com" };
    await tab.signUp.email(gina);
    const token = await backend.token("/verify-email", gina.email);
    new Browser().install();
    const elsewhere = await newTab(backend.origin);
    expect((await elsewhere.requestEmailVerification()).error?.code).toBe("no_session");
    const alone = await elsewhere.verifyEmail({ token });
    expect(alone.error).toMatchObject({ code: "password_required", status: 403 });
    const wrong = await elsewhere.verifyEmail({ token, password: "something else" });
    expect(wrong.error?.code).toBe("invalid_credentials");
    expect(elsewhere.getState().user).toBeNull();
    const { data } = await elsewhere.verifyEmail({ token, password: gina.password });
    expect(data?.user).toMatchObject({ email: gina.email, email_verified: true });
    expect(elsewhere.getState().status).toBe("authenticated");
  });

  it("sign up where addresses have to be verified, which says nothing to strangers", async () => {
    const strict = await Backend.start({ AUTHINGO_MAIL__VERIFICATION: "required" });
    try {
      const here = await newTab(strict.origin);
      expect((await here.getSession()).error?.code).toBe("no_session");
      const sent = { data: { sent: true }, error: null };
      expect(await here.signUp.email(ADA)).toEqual(sent);
      expect(here.getState().status).toBe("unauthenticated");
      const token = await strict.token("/verify-email", ADA.email);
      const { data } = await here.verifyEmail({ token });
      expect(data?.user).toMatchObject({ email: ADA.email, email_verified: true });
      expect(here.getState().status).toBe("authenticated");
      expect(await here.signUp.email(ADA)).toEqual(sent);
      expect(here.getState().user?.email).toBe(ADA.email);
    } finally {
      await strict.end();
    }
  });

  it("change the address, and change it back from the old mailbox", async () => {
    const ida = { ...ADA, email: "ida@example.com" };
    const moved = "moved@example.com";
    await tab.signUp.email(ida);
    await tab.verifyEmail({ token: await backend.token("/verify-email", ida.email) });
    await backend.tire();
    const change = { new_email: moved };
    const refused = await tab.requestEmailChange(change);
    expect(refused.error).toMatchObject({ code: "reauthentication_required", status: 403 });
    await tab.reauthenticate({ password: ida.password });
    await backend.expire();
    expect(await tab.requestEmailChange(change)).toEqual({ data: { sent: true }, error: null });
    const wrong = await tab.requestEmailChange({ new_email: "nobody" });
    expect(Object.keys(wrong.error?.fields ?? {})).toEqual(["new_email"]);
    expect(tab.getState().user?.email).toBe(ida.email);
    const waiting = { waiting: true, new_email: moved, requested_at: expect.any(String) };
    expect((await tab.getEmailChange()).data).toEqual(waiting);
    const { data } = await tab.changeEmail({ token: await backend.token("/change-email", moved) });
    expect(data?.user).toMatchObject({ email: moved, email_verified: true });
    expect(tab.getState().user?.email).toBe(moved);
    const token = await backend.token("/undo-email-change", ida.email);
    const mistyped = await tab.undoEmailChange({ token, email: moved });
    expect(Object.keys(mistyped.error?.fields ?? {})).toEqual(["email"]);
    const undone = await tab.undoEmailChange({ token, email: ida.email });
    expect(undone).toEqual({ data: { success: true }, error: null });
    expect(tab.getState().status).toBe("unauthenticated");
    expect((await tab.signIn.email({ ...ADA_IN, email: moved })).error?.status).toBe(401);
  });

  it("change the user, and renew a session that has expired for it", async () => {
    await tab.signUp.email({ ...ADA, email: "joan@example.com" });
    await backend.expire();
    const { data } = await tab.updateUser({ name: "Joan" });
    expect(data?.user.name).toBe("Joan");
    expect(tab.getState().user?.name).toBe("Joan");
    const wrong = await tab.updateUser({ name: " " });
    expect(Object.keys(wrong.error?.fields ?? {})).toEqual(["name"]);
    expect(tab.getState().user?.name).toBe("Joan");
  });

  it("list and revoke sessions", async () => {
    const elsewhere = new Browser().install();
    await (await newTab(backend.origin)).signIn.email(ADA_IN);
    browser.install();
    await tab.signIn.email(ADA_IN);
    const { data } = await tab.listSessions();
    expect(data?.sessions.filter((session) => session.current)).toHaveLength(1);
    const other = data?.sessions.find((session) => !session.current);
    expect((await tab.revokeSession(other!.id)).data).toEqual({ revoked: 1 });
    expect((await tab.revokeSession(other!.id)).error?.code).toBe("not_found");
    expect((await tab.revokeOtherSessions()).error).toBeNull();
    expect(elsewhere.cookies.size).toBe(3);
    const mine = tab.getState().session!.id;
    expect((await tab.revokeSession(mine)).data).toEqual({ revoked: 1 });
    expect(tab.getState().status).toBe("unauthenticated");
  });

  it("count as the limit says, with the time to wait", async () => {
    await tab.signUp.email({ ...ADA, email: "eve@example.com" });
    const guess = { email: "eve@example.com", password: "wrong" };
    for (let tries = 0; tries < 5; tries++) await tab.signIn.email(guess);
    const { error } = await tab.signIn.email(guess);
    expect(error).toMatchObject({ code: "too_many_requests", status: 429 });
    expect(error?.retryAfter).toBeGreaterThan(0);
    expect(tab.getState().user?.email).toBe("eve@example.com");
  });
});

describe("an expired session", () => {
  beforeEach(async () => {
    await tab.signIn.email(ADA_IN);
    await backend.expire();
    browser.log = [];
  });

  it("costs ten requests at once exactly one refresh, and gives ten answers", async () => {
    expect(await Promise.all(ten(tab))).toEqual(TEN_ANSWERS);
    expect(browser.count("POST /api/auth/refresh")).toBe(1);
    expect(browser.count("GET /api/me 200")).toBe(10);
  });

  it("is rotated once by two tabs", async () => {
    const second = await newTab(backend.origin);
    expect(await Promise.all([...ten(tab), ...ten(second)])).toHaveLength(20);
    expect(browser.count("POST /api/auth/refresh")).toBe(1);
    expect(browser.count("GET /api/me 200")).toBe(20);
    expect(tab.getState().session).toEqual(second.getState().session);
  });

  it("is rotated once by two tabs that both ask for it", async () => {
    const second = await newTab(backend.origin);
    const [one, two] = await Promise.all([tab.refresh(), second.refresh()]);
    expect(one.data).toEqual(two.data);
    expect(browser.count("POST /api/auth/refresh 200")).toBe(1);
  });

  it("is not rotated again by a tab whose request found it expired a little earlier", async () => {
    const second = await newTab(backend.origin);
    await second.getSession();
    await backend.expire();
    browser.log = [];
    let hold: () => void = () => {};
    let held = false;
    const holding = new Promise<void>((resolve) => (hold = resolve));
    const network = browser.fetch;
    vi.stubGlobal("fetch", async (input: Request, init: RequestInit) => {
      const answer = await network(input, init);
      if (!held && answer.status === 401) {
        held = true;
        await holding; // the second tab's answer is on its way while the first one refreshes
      }
      return answer;
    });
    const late = me(second);
    await vi.waitFor(() => expect(held).toBe(true), { timeout: 15_000 });
    expect(await me(tab)).toEqual({ email: ADA.email });
    hold();
    expect(await late).toEqual({ email: ADA.email });
    expect(browser.count("POST /api/auth/refresh")).toBe(1);
  });

  it("is survived in a browser without locks, where tabs refresh at once", async () => {
    browser.install({ locks: false });
    const second = await newTab(backend.origin);
    expect(await Promise.all([...ten(tab), ...ten(second)])).toEqual([
      ...TEN_ANSWERS,
      ...TEN_ANSWERS,
    ]);
    expect(browser.count("POST /api/auth/refresh 200")).toBeLessThanOrEqual(2);
    expect(browser.count("GET /api/me 200")).toBe(20);
  });

  it("ends for good with its refresh token", async () => {
    await tab.getSession();
    await backend.age();
    expect((await tab.fetch("/api/me")).status).toBe(401);
    expect(tab.getState()).toMatchObject({
      status: "unauthenticated",
      error: { code: "session_expired" },
    });
  });

  it("posts a body again", async () => {
    const init = { method: "POST", headers: { "Content-Type": "application/json" } };
    const post = (input: string | Request, body: string) =>
      tab.fetch(input, typeof input === "string" ? { ...init, body } : undefined);
    expect(await (await post("/api/echo", '{"a":1}')).json()).toEqual({ a: 1 });
    await backend.expire();
    const request = new Request(`${backend.origin}/api/echo`, { ...init, body: '{"b":2}' });
    expect(await (await post(request, "")).json()).toEqual({ b: 2 });
    expect(browser.count("POST /api/auth/refresh 200")).toBe(2);
  });

  it("is renewed, but a stream is not sent twice", async () => {
    const body = new Blob(['{"a":1}']).stream();
    const init = { method: "POST", body, duplex: "half" };
    const headers = { "Content-Type": "application/json" };
    const answer = await tab.fetch("/api/echo", { ...init, headers } as RequestInit);
    expect(await answer.json()).toMatchObject({ code: "session_expired" });
    expect(browser.count("POST /api/auth/refresh 200")).toBe(1);
    expect(browser.count("POST /api/echo")).toBe(1);
    expect(await me(tab)).toEqual({ email: ADA.email });
  });
});

describe("rounds of two tabs with ten requests each that find the session expired", () => {
  it.each([
    ["with locks", true, ROUNDS],
    ["without locks", false, Math.ceil(ROUNDS / 10)],
  ])(
    "sign nobody out, %s",
    async (_, locks, rounds) => {
      browser.install({ locks });
      await tab.signIn.email(ADA_IN);
      const second = await newTab(backend.origin);
      for (let round = 0; round < rounds; round++) {
        await backend.expire();
        browser.log = [];
        const answers = await Promise.all([...ten(tab), ...ten(second)]);
        expect(answers).toEqual([...TEN_ANSWERS, ...TEN_ANSWERS]);
        const refreshes = browser.count("POST /api/auth/refresh");
        if (locks) expect(refreshes).toBe(1);
        else expect(refreshes).toBeLessThanOrEqual(2);
      }
      expect(tab.getState().status).toBe("authenticated");
      expect(second.getState().status).toBe("authenticated");
    },
    600_000,
  );
});

describe("what comes and goes", () => {
  it("the network leaves the user signed in, through an expiry too", async () => {
    await tab.signIn.email(ADA_IN);
    await backend.expire();
    browser.online = false;
    await expect(tab.fetch("/api/me")).rejects.toThrow(TypeError);
    expect((await tab.getSession()).error?.code).toBe("network_error");
    expect(tab.getState()).toMatchObject({
      status: "authenticated",
      error: { code: "network_error", status: 0 },
    });
    browser.online = true;
    expect(await me(tab)).toEqual({ email: ADA.email });
    expect(tab.getState()).toMatchObject({ status: "authenticated", error: null });
  });

  it("a network that fails between the refresh and its answer leaves the user signed in", async () => {
    await tab.signIn.email(ADA_IN);
    await backend.expire();
    const network = browser.fetch;
    vi.stubGlobal("fetch", async (input: Request | string, init: RequestInit) => {
      if (String(input).endsWith("/refresh")) {
        vi.stubGlobal("fetch", network);
        const { cookies } = browser;
        browser.cookies = new Map(cookies); // the server rotates, the browser never hears of it
        await network(input, init);
        browser.cookies = cookies;
        throw new TypeError("fetch failed");
      }
      return network(input, init);
    });
    expect((await tab.fetch("/api/me")).status).toBe(401);
    expect(tab.getState().status).toBe("authenticated");
    expect(await me(tab)).toEqual({ email: ADA.email });
  });

  it("the server, stopped while the session expires, leaves the user signed in", async () => {
    await tab.signIn.email(ADA_IN);
    await backend.expire();
    await backend.stop();
    expect((await tab.refresh()).error?.code).toBe("network_error");
    expect(tab.getState().status).toBe("authenticated");
    await backend.start();
    expect(await me(tab)).toEqual({ email: ADA.email });
    expect(tab.getState()).toMatchObject({ status: "authenticated", error: null });
  });
});

describe("origins", () => {
  it("a redirect is not followed to another origin", async () => {
    await tab.signIn.email(ADA_IN);
    const reached: string[] = [];
    const other = createServer((request, answer) => {
      reached.push(request.url ?? "");
      answer.end();
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const to = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    await expect(tab.fetch(`/api/away?to=${encodeURIComponent(to)}`)).rejects.toThrow(TypeError);
    await fetch(`${to}control`);
    other.close();
    expect(reached).toEqual(["/control"]);
  });
});
