import type { Result } from "@authingo/react";

/** Where mail is off, its routes do not exist: replace the message by what that means. */
export function withoutMail<T>(result: Result<T>, message: string): Result<T> {
  if (result.error?.status !== 404) return result;
  return { data: null, error: { ...result.error, message } };
}
