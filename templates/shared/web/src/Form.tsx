import { useId, useRef, useState, type FormEvent, type InputHTMLAttributes } from "react";
import type { AuthError, Result } from "@authingo/react";

export interface Field extends InputHTMLAttributes<HTMLInputElement> {
  name: string;
  label: string;
  hint?: string;
}

/** A form that sends its values to the server, and shows each error next to its field. */
export function Form<Values extends Record<keyof Values, string>>({
  fields,
  action,
  onSubmit,
}: {
  fields: Field[];
  action: string;
  onSubmit: (values: Values) => Promise<Result<unknown>>;
}) {
  const form = useRef<HTMLFormElement>(null);
  const [error, setError] = useState<AuthError | null>(null);
  const [busy, setBusy] = useState(false);
  const wrong = error ? byField(error, fields) : {};

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const result = await onSubmit(Object.fromEntries(new FormData(form.current!)) as Values);
    setBusy(false);
    setError(result.error);
    if (!result.error) return form.current?.reset();
    const [first] = Object.keys(byField(result.error, fields));
    if (first) form.current?.querySelector<HTMLInputElement>(`[name=${first}]`)?.focus();
  }

  return (
    // The server has the rules; noValidate turns off those of the browser.
    <form ref={form} onSubmit={submit} noValidate>
      {fields.map((field) => (
        <Input key={field.name} {...field} problem={wrong[field.name]} />
      ))}
      {error && !asksForMore(error) && Object.keys(wrong).length === 0 && (
        <p className="notice bad" role="alert">
          {error.message}
        </p>
      )}
      {/* Not `disabled`, which would take the focus away from a user of the keyboard. */}
      <button aria-disabled={busy}>{action}</button>
    </form>
  );
}

function Input({ label, hint, problem, ...input }: Field & { problem?: string }) {
  const id = useId();
  const said = problem ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="text"
        required
        {...input}
        aria-invalid={problem !== undefined}
        aria-describedby={said && `${id}-said`}
      />
      {said && (
        <p id={`${id}-said`} className={problem ? "problem" : "hint"}>
          {said}
        </p>
      )}
    </div>
  );
}

/** Whether nothing is wrong, but the form gets another field. */
function asksForMore({ code, methods = [] }: AuthError): boolean {
  return (
    code === "password_required" || (code === "reauthentication_required" && methods.length > 0)
  );
}

/** Returns what is wrong with each field of a form. */
function byField(error: AuthError, fields: Field[]): Record<string, string> {
  const wrong = named(error);
  const shown = fields.filter(({ name }) => name in wrong);
  return Object.fromEntries(shown.map(({ name }) => [name, wrong[name]!]));
}

/** Returns what is wrong by field: the server's list, or the field of an error code. */
function named(error: AuthError): Record<string, string> {
  if (error.code === "email_taken") return { email: error.message };
  if (error.code === "invalid_credentials") return { password: error.message };
  if (error.code === "wrong_password") return { current_password: error.message };
  if (error.code === "invalid_token") return { code: error.message };
  const listed = Object.entries(error.fields ?? {});
  return Object.fromEntries(listed.map(([name, problem]) => [name, `This ${problem}.`]));
}
