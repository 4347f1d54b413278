import { act, createElement, StrictMode, version, type ReactElement } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createAuthClient } from "../src/client.js";
import {
  AuthProvider,
  useAuth,
  useReauthentication,
  type Auth,
  type AuthProviderProps,
} from "../src/react.js";
import { Backend } from "./backend.js";
import { Browser } from "./browser.js";
import { BASE, Script, settled, signedIn, type Call } from "./script.js";

let script: Script;
let container: HTMLElement;
let root: Root | undefined;
let renders: Auth[];

beforeEach(() => {
  script = new Script().install();
  container = document.createElement("div");
  document.body.append(container);
  renders = [];
});
afterEach(async () => {
  await act(async () => root?.unmount());
  root = undefined;
  container.remove();
  vi.unstubAllGlobals();
});

function Page() {
  const auth = useAuth();
  renders.push(auth);
  return createElement("p", null, `${auth.status} ${auth.user?.name ?? "nobody"}`);
}

function app(props: Partial<AuthProviderProps> = {}): ReactElement {
  const all = { baseURL: BASE, ...props } as AuthProviderProps;
  return createElement(StrictMode, null, createElement(AuthProvider, all, createElement(Page)));
}

async function mount(props?: Partial<AuthProviderProps>): Promise<void> {
  await act(async () => {
    root = createRoot(container);
    root.render(app(props));
  });
}

/** Answer the next request of this line, and let React render what comes of it. */
async function answer(line: string, how: (call: Call) => void): Promise<void> {
  await act(async () => {
    how(await script.next(line));
    await settled();
  });
}

const text = () => container.textContent;
const latest = () => renders.at(-1)!;
const LOOK = "GET /api/auth/session";

it("is the React that this run is about", (context) => {
  const major = context.task.file.projectName?.split(" ")[1];
  expect(version.split(".")[0]).toBe(major);
});

describe("an AuthProvider", () => {
  it("loads once, under StrictMode too, and shows who is signed in", async () => {
    await mount();
    expect(text()).toBe("loading nobody");
    await answer(LOOK, (call) => call.answer(200, signedIn()));
    expect(text()).toBe("authenticated Ada");
    expect(script.lines()).toEqual(["GET /session"]);
  });

  it("shows a stranger as one", async () => {
    await mount();
    await answer(LOOK, (call) => call.refuse(401, "no_session"));
    expect(text()).toBe("unauthenticated nobody");
    expect(latest().error).toBeNull();
  });

  it.each([
    ["a session", signedIn(), "authenticated Ada"],
    ["nobody", null, "unauthenticated nobody"],
  ])("with an initialSession of %s shows it at once and asks nothing", async (_, data, shown) => {
    await mount({ initialSession: data });
    expect(new Set(renders.map((auth) => auth.status)).size).toBe(1);
    expect(text()).toBe(shown);
    expect(script.calls).toEqual([]);
  });

  it("renders nothing new while the server says the same", async () => {
    await mount();
    await answer(LOOK, (call) => call.answer(200, signedIn()));
    const { user, session } = latest();
    const count = renders.length;
    let asked: Promise<unknown> | undefined;
    await act(async () => void (asked = latest().checkSession()));
    expect(latest().isRefetching).toBe(true);
    expect(text()).toBe("authenticated Ada");
    await answer(LOOK, (call) => call.answer(200, signedIn()));
    await asked;
    expect(latest().user).toBe(user);
    expect(latest().session).toBe(session);
    expect(renders.length - count).toBe(4); // isRefetching on and off, twice each in StrictMode
    const before = latest();
    await act(async () => root?.render(app()));
    expect(latest()).toBe(before); // the very same value for whoever depends on it
  });

  it("never flickers: not to loading, not to nobody, through failure and refresh", async () => {
    await mount({ initialSession: signedIn() });
    const look = async (how: (call: Call) => void) => {
      await act(async () => void latest().checkSession());
      await answer(LOOK, how);
    };
    await look((call) => call.fail());
    expect(latest().error?.code).toBe("network_error");
    await look((call) => call.refuse(503, "store_unavailable"));
    expect(latest().error?.code).toBe("store_unavailable");
    await look((call) => call.refuse(401, "session_expired"));
    await answer("POST /api/auth/refresh", (call) => call.answer(200, signedIn("Ada", "2031")));
    expect(latest().session?.expires_at).toBe("2031");
    expect(new Set(renders.map((auth) => auth.status))).toEqual(new Set(["authenticated"]));
    expect(new Set(renders.map((auth) => auth.user)).size).toBe(1);
  });

  it("is updated by signing in, up and out, and tells the page of the end", async () => {
    const ends: string[] = [];
    const hear = (event: WindowEventMap["authingo:logout"]) => ends.push(event.detail.reason);
    window.addEventListener("authingo:logout", hear);
    await mount({ initialSession: null });
    await act(async () => void latest().signIn.email({ email: "a", password: "b" }));
    expect(text()).toBe("unauthenticated nobody");
    await answer("POST /api/auth/sign-in", (call) => call.answer(200, signedIn()));
    expect(text()).toBe("authenticated Ada");
    await act(async () => void latest().logout());
    await answer("POST /api/auth/sign-out", (call) => call.answer(200, { success: true }));
    expect(text()).toBe("unauthenticated nobody");
    expect(ends).toEqual(["signed_out"]);
    await act(async () => void latest().signUp.email({ email: "b", password: "b", name: "Bob" }));
    await answer("POST /api/auth/sign-up", (call) => call.answer(200, signedIn("Bob")));
    expect(text()).toBe("authenticated Bob");
    window.removeEventListener("authingo:logout", hear);
  });

  it("shares a client of one's own, and hears what is done with it elsewhere", async () => {
    const client = createAuthClient({ baseURL: BASE });
    await mount({ client, initialSession: null });
    expect(latest().client).toBe(client);
    await act(async () => void client.signIn.email({ email: "a", password: "b" }));
    await answer("POST /api/auth/sign-in", (call) => call.answer(200, signedIn()));
    expect(text()).toBe("authenticated Ada");
    await act(async () => root?.unmount());
    await mount({ client, initialSession: null }); // as a page that was rendered long ago
    expect(text()).toBe("authenticated Ada");
  });

  it("takes up a page that a server rendered, without a difference", async () => {
    for (const initialSession of [signedIn(), null, undefined]) {
      const html = renderToString(app({ initialSession }));
      container.innerHTML = html;
      const errors: unknown[] = [];
      renders = [];
      await act(async () => {
        root = hydrateRoot(container, app({ initialSession }), {
          onRecoverableError: (error) => errors.push(error),
        });
      });
      expect(errors).toEqual([]);
      expect(container.innerHTML).toBe(html);
      await act(async () => root?.unmount());
    }
  });

  it("hydrates a page although its client knows more, and shows that then", async () => {
    const client = createAuthClient({ baseURL: BASE });
    container.innerHTML = renderToString(app({ client, initialSession: null }));
    const entered = client.signIn.email({ email: "a", password: "b" });
    await answer("POST /api/auth/sign-in", (call) => call.answer(200, signedIn()));
    await entered;
    const errors: unknown[] = [];
    await act(async () => {
      root = hydrateRoot(container, app({ client, initialSession: null }), {
        onRecoverableError: (error) => errors.push(error),
      });
    });
    expect(errors).toEqual([]);
    expect(text()).toBe("authenticated Ada");
  });
});

describe("useAuth", () => {
  it("says what is missing where there is no provider", () => {
    expect(() => renderToString(createElement(Page))).toThrow("<AuthProvider>");
  });
});

describe("with a real server", () => {
  let backend: Backend;
  beforeAll(async () => {
    vi.unstubAllGlobals();
    backend = await Backend.start();
  });
  afterAll(async () => {
    vi.unstubAllGlobals();
    await backend.end();
  });

  it("signs up, survives an expiry and an outage without a flicker, and signs out", async () => {
    const browser = new Browser().install();
    const client = createAuthClient({ baseURL: backend.origin });
    const becomes = (state: object) =>
      act(() =>
        vi.waitFor(() => expect(client.getState()).toMatchObject(state), { timeout: 15_000 }),
      );
    await mount({ client });
    await becomes({ status: "unauthenticated" });
    const account = { email: "ada@example.com", password: "correct horse battery", name: "Ada" };
    await act(async () => void (await latest().signUp.email(account)));
    expect(text()).toBe("authenticated Ada");
    renders = [];
    await backend.expire();
    await act(async () => void (await client.fetch("/api/me")));
    browser.online = false;
    await act(async () => void (await client.getSession()));
    expect(latest().error?.code).toBe("network_error");
    browser.online = true;
    await act(async () => void window.dispatchEvent(new Event("online")));
    await becomes({ error: null });
    expect(new Set(renders.map(({ status, user }) => `${status} ${user?.name}`))).toEqual(
      new Set(["authenticated Ada"]),
    );
    await act(async () => void (await latest().logout()));
    expect(text()).toBe("unauthenticated nobody");
    expect(browser.count("POST /api/auth/refresh")).toBe(1);
  });
});

describe("useReauthentication", () => {
  function Dialog() {
    const { methods, prove, cancel } = useReauthentication();
    if (!methods) return createElement("i", null, "closed");
    const on = (name: string, onClick: () => void) => createElement("button", { onClick }, name);
    return createElement(
      "dialog",
      { open: true },
      methods.join(),
      on("prove", () => void prove({ password: "a" })),
      on("cancel", cancel),
    );
  }

  const refused = { code: "reauthentication_required", message: "", methods: ["password"] };
  const click = (name: string) =>
    act(async () => {
      const buttons = [...container.querySelectorAll("button")];
      buttons.find((one) => one.textContent === name)!.click();
      await settled();
    });

  it("opens a dialog, and sends the request again after the proof", async () => {
    const client = createAuthClient({ baseURL: BASE });
    const dialog = createElement(Dialog);
    await act(async () => {
      root = createRoot(container);
      const props = { client, initialSession: signedIn() };
      root.render(createElement(StrictMode, null, createElement(AuthProvider, props, dialog)));
    });
    expect(text()).toBe("closed");
    let sent = client.fetch("/danger");
    await answer("GET /danger", (call) => call.answer(403, refused));
    expect(text()).toBe("passwordprovecancel");
    await click("prove");
    await answer("POST /api/auth/reauthenticate", (call) => call.refuse(403, "wrong_password"));
    expect(text()).toBe("passwordprovecancel");
    await click("prove");
    await answer("POST /api/auth/reauthenticate", (call) => call.answer(200, signedIn()));
    expect(text()).toBe("closed");
    await answer("GET /danger", (call) => call.answer(200, {}));
    expect((await sent).status).toBe(200);

    sent = client.fetch("/danger");
    await answer("GET /danger", (call) => call.answer(403, refused));
    await click("cancel");
    expect((await sent).status).toBe(403);
    expect(text()).toBe("closed");
  });
});
