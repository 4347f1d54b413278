import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { AuthProvider, createAuthClient, useAuth } from "../src/index.js";
import { getSession } from "../src/server.js";
import { Backend } from "./backend.js";
import { Browser, newTab } from "./browser.js";
import { BASE, Script, signedIn } from "./script.js";

const root = join(import.meta.dirname, "..");
const asked = (cookie?: string) => new Headers(cookie === undefined ? {} : { cookie });

afterEach(() => vi.unstubAllGlobals());

describe("getSession on a server", () => {
  let backend: Backend;
  let cookie: string;

  beforeAll(async () => {
    backend = await Backend.start();
  });
  afterAll(() => backend.end());
  beforeEach(async () => {
    const browser = new Browser().install();
    const tab = await newTab(backend.origin);
    const account = { email: "ada@example.com", password: "correct horse battery", name: "Ada" };
    const { error } = await tab.signUp.email(account);
    if (error) await tab.signIn.email({ email: account.email, password: account.password });
    cookie = `theme=dark; authingo_session=${browser.cookies.get("authingo_session")?.value}`;
    vi.unstubAllGlobals();
  });

  it("tells who asks for the page", async () => {
    const session = await getSession({ baseURL: backend.origin, headers: asked(cookie) });
    expect(session?.user.name).toBe("Ada");
  });

  it("is undefined once the session token has expired, for the browser to refresh", async () => {
    await backend.expire();
    expect(await getSession({ baseURL: backend.origin, headers: asked(cookie) })).toBeUndefined();
  });

  it("is null for a token that nobody has", async () => {
    const headers = asked(`authingo_session=nobody.${"A".repeat(43)}`);
    expect(await getSession({ baseURL: backend.origin, headers })).toBeNull();
  });

  it("is undefined for one of an earlier version, which may only have to be renewed", async () => {
    const headers = asked(`authingo_session=${"A".repeat(43)}`);
    expect(await getSession({ baseURL: backend.origin, headers })).toBeUndefined();
  });

  it("is undefined while the authentication server is away", async () => {
    await backend.stop();
    expect(await getSession({ baseURL: backend.origin, headers: asked(cookie) })).toBeUndefined();
    await backend.start();
  });

  it("sends on the session cookie of its prefix, and no other", async () => {
    const sent: (string | undefined)[] = [];
    const server = createServer((request, answer) => {
      sent.push(request.headers.cookie);
      answer.writeHead(401).end('{"code": "no_session", "message": ""}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const headers = asked(
      "theme=dark; authingo_session=1; my.shop_session=2; __Host-my.shop_session=3; " +
        "my-shop_session=4; my.shop_refresh=5; xmy.shop_session=6; my.shop_session",
    );
    expect(await getSession({ baseURL, headers, cookiePrefix: "my.shop" })).toBeNull();
    expect(await getSession({ baseURL, headers })).toBeNull();
    server.close();
    expect(sent).toEqual(["my.shop_session=2; __Host-my.shop_session=3", "authingo_session=1"]);
  });

  it("follows no redirect with the cookie", async () => {
    const reached: string[] = [];
    const other = createServer((request, answer) => {
      reached.push(request.url ?? "");
      answer.writeHead(307, { Location: "/elsewhere" }).end();
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const baseURL = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    expect(await getSession({ baseURL, headers: asked(cookie) })).toBeUndefined();
    other.close();
    expect(reached).toEqual(["/api/auth/session"]);
  });
});

describe("what getSession sends", () => {
  it.each([
    ["authingo_session=a", "authingo_session=a"],
    ["x=1; authingo_session=a; authingo_refresh=r; y=2", "authingo_session=a"],
    ["__Host-authingo_session=a;x=1", "__Host-authingo_session=a"],
    ["authingo_session=a; authingo_session=b", "authingo_session=a; authingo_session=b"],
  ])("of %j is %j, and nothing is cached", async (header, sent) => {
    const script = new Script().install();
    const headers = asked(header);
    headers.set("Authorization", "Bearer x");
    const session = getSession({ baseURL: BASE, headers });
    const call = await script.next("GET /api/auth/session");
    expect(Object.fromEntries(call.headers)).toEqual({ cookie: sent });
    expect(call.init).toMatchObject({ cache: "no-store", redirect: "error" });
    call.answer(200, signedIn());
    expect(await session).toEqual(signedIn());
  });

  it.each([undefined, "", "x=1", "not_authingo_session=1", "authingo_refresh=r"])(
    "is nothing without a session cookie: %j",
    async (header) => {
      const script = new Script().install();
      expect(await getSession({ baseURL: BASE, headers: asked(header) })).toBeNull();
      expect(script.calls).toEqual([]);
    },
  );

  it("needs an absolute baseURL, and says so by throwing", async () => {
    await expect(getSession({ baseURL: "/api/auth", headers: asked() })).rejects.toThrow(TypeError);
  });

  it.each([502, 403, 200])("is no reason to call it nobody: %s", async (status) => {
    const script = new Script().install();
    const session = getSession({ baseURL: BASE, headers: asked("authingo_session=a") });
    (await script.next("GET /api/auth/session")).answer(status, "<html>");
    expect(await session).toBeUndefined();
  });
});

describe("a page rendered on a server", () => {
  function Page() {
    const { status, user } = useAuth();
    return createElement("p", null, `${status} ${user?.name}`);
  }
  const render = (props: object) =>
    renderToString(createElement(AuthProvider, { ...props, baseURL: BASE }, createElement(Page)));

  it.each([
    ["a session", signedIn(), "authenticated Ada"],
    ["null", null, "unauthenticated undefined"],
    ["undefined", undefined, "loading undefined"],
  ])("shows %s", (_, initialSession, text) => {
    expect(render({ initialSession })).toBe(`<p>${text}</p>`);
  });

  it("leaves nothing behind in a client that requests share, and asks nothing", () => {
    const script = new Script().install();
    const client = createAuthClient({ baseURL: "/api/auth" });
    expect(render({ client, initialSession: signedIn() })).toBe("<p>authenticated Ada</p>");
    expect(client.getState().status).toBe("loading");
    expect(render({ client })).toBe("<p>loading undefined</p>");
    expect(render({ client, initialSession: signedIn("Bob") })).toBe("<p>authenticated Bob</p>");
    expect(script.calls).toEqual([]);
  });
});

describe("the built package, in a plain Node", () => {
  function node(program: string, ...options: string[]): string {
    const command = [...options, "--input-type=module", "--eval", program];
    return execFileSync(process.execPath, command, { cwd: root, encoding: "utf8" }).trim();
  }

  it("can be imported, and a client made, without a browser", () => {
    const program = `
      import * as all from "@authingo/react";
      import * as core from "@authingo/react/client";
      import * as server from "@authingo/react/server";
      const client = all.createAuthClient({ baseURL: "/api/auth" });
      console.log(Object.keys(all).sort() + "", Object.keys(core).sort() + "",
        Object.keys(server) + "", client.getState().status);`;
    expect(node(program)).toBe(
      "AuthProvider,createAuthClient,serverCodes,useAuth,useReauthentication createAuthClient,serverCodes" +
        " getSession loading",
    );
  });

  it("has a core and a server helper that need no React, for server components too", () => {
    const program = `
      import "@authingo/react/client";
      import "@authingo/react/server";
      import { createRequire } from "node:module";
      console.log(Object.keys(createRequire(import.meta.url).cache).length);`;
    expect(node(program, "--conditions=react-server")).toBe("0");
  });

  it("ends by itself after a sign-in: nothing keeps the program alive", () => {
    const program = `
      import { createAuthClient } from "@authingo/react/client";
      globalThis.fetch = async () => Response.json({ user: {}, session: {} });
      const { data } = await createAuthClient({ baseURL: "${BASE}" }).signIn.email({});
      console.log(!!data);`;
    expect(node(program)).toBe("true");
  });

  it("marks its components as the client's, for the app router", () => {
    const read = `
      import { readFileSync } from "node:fs";
      console.log(readFileSync("dist/react.js", "utf8").split("\\n")[0]);`;
    expect(node(read)).toBe('"use client";');
  });
});
