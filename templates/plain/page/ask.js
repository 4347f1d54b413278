// Asks the program, and the elements of the page.

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

/** Returns the body of an answer, even if a proxy answered with something other than JSON. */
async function contents(answer) {
  return answer.json().catch(() => ({ message: `The server answered ${answer.status}.` }));
}
