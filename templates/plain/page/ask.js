// Asks the program, and the elements of the page.

// Nothing is wrong, but the form gets another field.
const ASKS_FOR_MORE = ["password_required", "reauthentication_required"];

export const $ = (id) => document.getElementById(id);

/** Ask the program; renew a session that has expired, and ask again. */
export async function ask(method, path, values) {
  const send = (...request) => fetch(...request).catch(() => null);
  const request = {
    method,
    headers: {
      "X-Authingo-Client": "true", // which no form or image of another page can send
      ...(values && { "Content-Type": "application/json" }),
    },
    body: values && JSON.stringify(values),
  };
  let answer = await send(path, request);
  if (answer?.status === 401 && (await contents(answer.clone())).code === "session_expired") {
    const renewed = await send("api/auth/refresh", {
      method: "POST",
      headers: request.headers,
    });
    answer = renewed?.ok ? await send(path, request) : renewed;
  }
  if (answer === null) return { ok: false, status: 0, message: "No connection. Try again." };
  return { ...(await contents(answer)), ok: answer.ok, status: answer.status };
}

/** Show one part of the page. */
export function only(id) {
  for (const part of document.querySelectorAll("main")) part.hidden = part.id !== id;
}

/** Returns the body of an answer, even if a proxy answered with something other than JSON. */
async function contents(answer) {
  return answer.json().catch(() => ({ message: `The server answered ${answer.status}.` }));
}

/**
 * Show what is wrong: next to the inputs of the fields that the answer is about, else in `rest`.
 * `inputs` has the id of the input of each field.
 */
export function complain(answer, inputs, rest) {
  const wrong = answer.ok ? {} : wrongFields(answer);
  const shown = Object.keys(inputs).filter((name) => name in wrong);
  for (const [name, id] of Object.entries(inputs)) {
    $(`${id}-said`).textContent = wrong[name] ?? "";
    $(id).ariaInvalid = String(name in wrong);
  }
  const isSaid = answer.ok || shown.length || ASKS_FOR_MORE.includes(answer.code);
  $(rest).textContent = isSaid ? "" : answer.message;
  if (shown.length) $(inputs[shown[0]]).focus();
}

/** Returns what is wrong by field: the server's list, or the field of an error code. */
function wrongFields({ code, fields = {}, message }) {
  if (code === "email_taken") return { email: message };
  if (code === "invalid_credentials") return { password: message };
  if (code === "wrong_password") return { current_password: message };
  if (code === "invalid_token") return { code: message };
  return Object.fromEntries(
    Object.entries(fields).map(([name, problem]) => [name, `This ${problem}.`]),
  );
}
