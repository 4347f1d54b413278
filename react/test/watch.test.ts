import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AuthClient } from "../src/client.js";
import { newTab } from "./browser.js";
import { BASE, Script, settled, signedIn } from "./script.js";

const ADA = { email: "ada@example.com", password: "correct horse battery" };

let script: Script;
let client: AuthClient;
let page: EventTarget;
let stops: (() => void)[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  script = new Script().install();
  page = new EventTarget();
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  vi.stubGlobal("document", { visibilityState: "visible" });
  client = await newTab(BASE);
  stops = [];
});
afterEach(() => {
  stops.forEach((stop) => stop());
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function open(tab = client): Promise<void> {
  stops.push(tab.subscribe(() => {}));
  (await script.next("GET /api/auth/session")).answer(200, signedIn());
  await settled();
  script.calls = [];
}

async function happens(type: string): Promise<string[]> {
  script.calls = [];
  page.dispatchEvent(new Event(type));
  await settled();
  const lines = script.lines();
  for (const call of script.calls) call.answer(200, signedIn());
  await settled();
  return lines;
}

const later = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);
const LOOK = ["GET /session"];

describe("focus", () => {
  it("asks again, but not more than every five seconds", async () => {
    await open();
    expect(await happens("focus")).toEqual([]);
    await later(4.9);
    expect(await happens("focus")).toEqual([]);
    await later(0.2);
    expect(await happens("focus")).toEqual(LOOK);
    expect(await happens("visibilitychange")).toEqual([]);
    await later(5);
    expect(await happens("visibilitychange")).toEqual(LOOK);
    vi.setSystemTime(Date.now() - 3_600_000);
    expect(await happens("focus")).toEqual(LOOK); // the clock was put back
  });

  it("asks nothing offline, in a hidden tab, or when nobody listens any more", async () => {
    await open();
    await later(60);
    Object.assign(navigator, { onLine: false });
    expect(await happens("focus")).toEqual([]);
    Object.assign(navigator, { onLine: true });
    Object.assign(document, { visibilityState: "hidden" });
    expect(await happens("visibilitychange")).toEqual([]);
    Object.assign(document, { visibilityState: "visible" });
    stops.pop()?.();
    expect(await happens("focus")).toEqual([]);
    stops.push(client.subscribe(() => {}));
    expect(await happens("focus")).toEqual(LOOK);
  });

  it("shows no loading", async () => {
    await open();
    await later(60);
    page.dispatchEvent(new Event("focus"));
    expect(client.getState()).toMatchObject({ status: "authenticated", isRefetching: true });
  });
});

describe("a network that comes back", () => {
  it("is asked at once", async () => {
    await open();
    expect(await happens("online")).toEqual(LOOK);
    expect(await happens("online")).toEqual(LOOK);
  });
});

describe("a look that failed", () => {
  async function fail(refusal?: number): Promise<void> {
    const call = await script.next("GET /api/auth/session");
    if (refusal) call.refuse(503, "store_unavailable", { "Retry-After": `${refusal}` });
    else call.fail();
    await settled();
    script.calls = [];
  }

  it("is tried again by itself, later each time, until there is an answer", async () => {
    stops.push(client.subscribe(() => {}));
    await fail();
    expect(client.getState()).toMatchObject({
      status: "loading",
      error: { code: "network_error" },
    });
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      await later(seconds - 0.1);
      expect(script.lines()).toEqual([]);
      await later(1.1);
      expect(script.lines()).toEqual(LOOK);
      await fail();
    }
    await later(61);
    (await script.next("GET /api/auth/session")).answer(200, signedIn());
    await settled();
    expect(client.getState()).toMatchObject({ status: "authenticated", error: null });
    await later(600);
    expect(script.lines()).toEqual(LOOK);
  });

  it("waits for as long as the server says", async () => {
    stops.push(client.subscribe(() => {}));
    await fail(30);
    await later(29.9);
    expect(script.lines()).toEqual([]);
    await later(1.1);
    expect(script.lines()).toEqual(LOOK);
  });

  it("leaves the user signed in, and is tried again as well", async () => {
    await open();
    await later(60);
    page.dispatchEvent(new Event("focus"));
    await fail();
    expect(client.getState()).toMatchObject({ status: "authenticated", error: { status: 0 } });
    await later(2);
    expect(script.lines()).toEqual(LOOK);
  });

  it.each(["no_session", "origin_not_allowed"])("for good is not: %s", async (code) => {
    stops.push(client.subscribe(() => {}));
    (await script.next("GET /api/auth/session")).refuse(401, code);
    await settled();
    await later(600);
    expect(script.lines()).toEqual(LOOK);
  });

  it("is not tried offline, or when nobody listens any more", async () => {
    const stop = client.subscribe(() => {});
    await fail();
    Object.assign(navigator, { onLine: false });
    await later(600);
    expect(script.lines()).toEqual([]);
    Object.assign(navigator, { onLine: true });
    page.dispatchEvent(new Event("online"));
    await settled();
    await fail();
    stop();
    await later(600);
    expect(script.lines()).toEqual([]);
  });
});

describe("other tabs", () => {
  const heard: unknown[] = [];
  let channel: BroadcastChannel;
  beforeEach(() => {
    heard.length = 0;
    channel = new BroadcastChannel(`authingo:${BASE}/api/auth`);
    channel.onmessage = (event) => heard.push(event.data);
  });
  afterEach(() => channel.close());

  /** Messages go through another thread in Node. */
  const arrive = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  it.each([
    ["sign-in", () => client.signIn.email(ADA), signedIn()],
    ["sign-up", () => client.signUp.email({ ...ADA, name: "Ada" }), signedIn()],
    ["sign-out", () => client.signOut(), { success: true }],
    [
      "change-password",
      () => client.changePassword({ current_password: "a", new_password: "b" }),
      signedIn(),
    ],
  ])("are told of a %s, and nothing but that", async (path, act, body) => {
    const acted = act();
    (await script.next(`POST /api/auth/${path}`)).answer(200, body);
    await acted;
    await vi.waitFor(() => expect(heard).toEqual([null]), { interval: 1 });
  });

  it("are told nothing of what fails, of a look, or of a refresh", async () => {
    const acted = client.signIn.email(ADA);
    (await script.next("POST /api/auth/sign-in")).refuse(401, "invalid_credentials");
    await acted;
    const refreshed = client.refresh();
    (await script.next("POST /api/auth/refresh")).answer(200, signedIn());
    await refreshed;
    for (let turn = 0; turn < 20; turn++) await arrive();
    expect(heard).toEqual([]);
  });

  it("look when they hear of a sign-out, and the one that tells does not", async () => {
    await open();
    const second = await newTab(BASE);
    await open(second);
    const out = client.signOut();
    (await script.next("POST /api/auth/sign-out")).answer(200, { success: true });
    await out;
    (await script.next("GET /api/auth/session")).refuse(401, "no_session");
    await vi.waitFor(() => expect(second.getState().status).toBe("unauthenticated"));
    for (let turn = 0; turn < 20; turn++) await arrive();
    expect(script.lines()).toEqual(["POST /sign-out", "GET /session"]);
  });

  it("look once more when a look was under way", async () => {
    await open();
    const looked = client.getSession();
    const old = await script.next("GET /api/auth/session");
    channel.postMessage(null);
    for (let turn = 0; turn < 20; turn++) await arrive();
    old.answer(200, signedIn());
    await looked;
    (await script.next("GET /api/auth/session")).refuse(401, "no_session");
    await settled();
    expect(client.getState().status).toBe("unauthenticated");
  });

  it("may not be there: a page without BroadcastChannel works", async () => {
    vi.stubGlobal("BroadcastChannel", undefined);
    await open();
    const out = client.signOut();
    (await script.next("POST /api/auth/sign-out")).answer(200, { success: true });
    expect((await out).error).toBeNull();
  });
});
