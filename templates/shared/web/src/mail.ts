import type { Result } from "@authingo/react";

/** Whether the sign-in offers a code by mail: set it as `mail.email_code` in authingo.toml. */
export const EMAIL_CODE: boolean = false;

/** Where mail is off, its routes do not exist: replace the message by what that means. */
export function withoutMail<T>(result: Result<T>, message: string): Result<T> {
  if (result.error?.status !== 404) return result;
  return { data: null, error: { ...result.error, message } };
}
