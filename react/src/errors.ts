import type { serverCodes } from "./codes.js";

/** What the client itself has to say; every other code is the server's. */
export type ClientCode =
  | "network_error" // no answer: offline, refused by the browser, or too slow
  | "bad_response" // an answer, but not authingo's: a proxy's page, a wrong baseURL
  | "signed_out"; // a sign-out overtook the request

/** Keep a default branch: a newer server may know more. */
export type AuthErrorCode = (typeof serverCodes)[number] | ClientCode;

export interface AuthError {
  code: AuthErrorCode;
  /** For people, in English. */
  message: string;
  /** Of the HTTP answer; 0 where there was none. */
  status: number;
  /** With `invalid_input`: what is wrong with which field. */
  fields?: Record<string, string>;
  /** With `reauthentication_required`: how the user can prove again who they are. */
  methods?: string[];
  /** Seconds, with `too_many_requests`, `busy` and `store_unavailable`. */
  retryAfter?: number;
}

/** What every action resolves to; none of them rejects. */
export type Result<T> = { data: T; error: null } | { data: null; error: AuthError };

export function failed(
  code: ClientCode,
  message: string,
  status = 0,
): { data: null; error: AuthError } {
  return { data: null, error: { code, message, status } };
}

/** Read an answer of authingo's; its body has to hold one of the `keys` to be one. */
export async function readAnswer<T>(
  answer: Response,
  ...keys: (keyof T & string)[]
): Promise<Result<T>> {
  const body = parse(await answer.text());
  if (answer.ok && keys.some((key) => body?.[key] != null)) return { data: body as T, error: null };
  if (answer.ok || typeof body?.["code"] !== "string") {
    return failed(
      "bad_response",
      "The answer is not one of the authentication server.",
      answer.status,
    );
  }
  const { code, message, fields, methods } = body as unknown as AuthError;
  const error: AuthError = { code, message, status: answer.status };
  if (fields) error.fields = fields;
  if (methods) error.methods = methods;
  const seconds = answer.headers.get("Retry-After") ?? "";
  if (/^\d+$/.test(seconds)) error.retryAfter = Number(seconds);
  return { data: null, error };
}

/** The code of a 401 that still has to be handed on unread. */
export async function codeOf(answer: Response): Promise<unknown> {
  return answer.status === 401 ? parse(await answer.clone().text())?.["code"] : undefined;
}

/** How the user can prove who they are, if that is what this answer asks for. */
export async function methodsOf(answer: Response): Promise<string[] | undefined> {
  if (answer.status !== 403) return;
  const body = parse(await answer.clone().text());
  return body?.["code"] === "reauthentication_required"
    ? ((body["methods"] ?? []) as string[])
    : undefined;
}

function parse(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
