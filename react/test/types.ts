// Checked by `tsc -p test`, against the declarations that the package ships. Never run.
import {
  AuthProvider,
  createAuthClient,
  serverCodes,
  useAuth,
  type AuthClient,
  type AuthError,
  type AuthErrorCode,
  type Session,
  type SessionData,
  type User,
} from "@authingo/react";
import * as core from "@authingo/react/client";
import { getSession } from "@authingo/react/server";
import { createElement } from "react";
import { expectTypeOf } from "vitest";

export function Page() {
  const { status, isLoading, user, session, error, isRefetching, client } = useAuth();
  if (status === "authenticated") {
    expectTypeOf(user).toEqualTypeOf<User>();
    expectTypeOf(session).toEqualTypeOf<Session>();
    expectTypeOf(isLoading).toEqualTypeOf<false>();
  } else {
    expectTypeOf(user).toEqualTypeOf<null>();
    expectTypeOf(session).toEqualTypeOf<null>();
  }
  if (isLoading) expectTypeOf(status).toEqualTypeOf<"loading">();
  expectTypeOf(isRefetching).toEqualTypeOf<boolean>();
  expectTypeOf(error).toEqualTypeOf<AuthError | null>();
  expectTypeOf(client).toEqualTypeOf<AuthClient>();

  const auth = useAuth();
  // @ts-expect-error - there may be no user
  void auth.user.name;
  if (auth.user) expectTypeOf(auth.status).toEqualTypeOf<"authenticated">();
  expectTypeOf(auth.logout).toEqualTypeOf<AuthClient["signOut"]>();
  return null;
}

export async function actions(): Promise<void> {
  const client = createAuthClient({ baseURL: "/api/auth" });
  const { data, error } = await client.signIn.email({ email: "a", password: "b" });
  if (error) {
    expectTypeOf(data).toEqualTypeOf<null>();
    expectTypeOf(error.retryAfter).toEqualTypeOf<number | undefined>();
    expectTypeOf(error.fields).toEqualTypeOf<Record<string, string> | undefined>();
    // @ts-expect-error - no such code
    void (error.code === "email_tkaen");
  } else {
    expectTypeOf(data).toEqualTypeOf<SessionData>();
  }
  // @ts-expect-error - sign-up wants a name
  await client.signUp.email({ email: "a", password: "b" });
  expectTypeOf(client.fetch).toExtend<typeof fetch>();
  expectTypeOf(client.listSessions).returns.resolves.toHaveProperty("data");
  expectTypeOf<(typeof serverCodes)[number]>().toExtend<AuthErrorCode>();
  expectTypeOf<"network_error" | "session_expired">().toExtend<AuthErrorCode>();
  expectTypeOf(core.createAuthClient).toEqualTypeOf(createAuthClient);
}

export async function profiles(): Promise<void> {
  type Profile = { theme: "light" | "dark"; plan: string };
  const { user, client } = useAuth<Profile>();
  if (user) expectTypeOf(user.profile).toEqualTypeOf<Profile>();
  await client.updateUser({ profile: { theme: "dark" } });
  // @ts-expect-error - no such field
  await client.updateUser({ profile: { colour: "dark" } });
  // @ts-expect-error - no such theme
  await createAuthClient<Profile>({ baseURL: "" }).updateUser({ profile: { theme: "blue" } });
  createElement(AuthProvider, { client: createAuthClient<Profile>({ baseURL: "" }) });
  const known = await getSession<Profile>({ baseURL: "", headers: new Headers() });
  if (known) expectTypeOf(known.user.profile.plan).toEqualTypeOf<string>();
  const { user: plain } = useAuth();
  if (plain) expectTypeOf(plain.profile).toEqualTypeOf<undefined>();
}

export async function elements(headers: Headers): Promise<void> {
  const initialSession = await getSession({ baseURL: "http://127.0.0.1:8000", headers });
  expectTypeOf(initialSession).toEqualTypeOf<SessionData | null | undefined>();
  createElement(AuthProvider, { baseURL: "/api/auth", initialSession });
  createElement(AuthProvider, { client: createAuthClient({ baseURL: "" }) }, "text");
  // @ts-expect-error - where is the server?
  createElement(AuthProvider, { initialSession });
  window.addEventListener("authingo:logout", ({ detail }) => {
    expectTypeOf(detail.reason).toEqualTypeOf<
      "signed_out" | "no_session" | "session_expired" | "refresh_reused"
    >();
  });
}

// The module that the pages serve has the same names and types, in one file.
type Served = typeof import("/auth/client.js");
expectTypeOf<keyof Served>().toEqualTypeOf<keyof typeof core>();
expectTypeOf<Served["createAuthClient"]>().toEqualTypeOf<typeof createAuthClient>();
expectTypeOf<Served["serverCodes"]>().toEqualTypeOf<typeof serverCodes>();
expectTypeOf<import("/auth/client.js").AuthError>().toEqualTypeOf<AuthError>();
