// Sends requests, and tells the listeners what went over the wire.

import { learn } from "./clock.js";

const PATIENCE = 15000; // milliseconds until a server that says nothing is given up
const SECRET = new Set(["password", "current_password", "new_password", "token", "code"]);
const SHOWN = ["Content-Type", "Cache-Control", "Retry-After", "Allow"];

const listeners = [];
export const onExchange = (listener) => listeners.push(listener);

export const settings = await (await fetch("/page/settings.json", { cache: "no-store" })).json();

// Returns {ok, status, code, message, fields, value}; status is 0 if nothing came back.
// `quiet`: the request only serves another one, so the log does not open it.
export async function send(method, path, { body, note = "", quiet = false } = {}) {
  const headers = { "X-Authingo-Client": "true" };
  if (body) headers["Content-Type"] = "application/json";
  const exchange = { method, path: settings.base_path + path, note, quiet, headers };
  exchange.body = body && masked(body);
  const sentAt = Date.now();
  const began = performance.now();
  let answer;
  try {
    const response = await fetch(exchange.path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE),
    });
    const value = readJson(await response.text());
    learn(response.headers.get("Date"), sentAt, Date.now());
    exchange.answer = described(response, value);
    answer = { ok: response.ok, status: response.status, value, ...(response.ok ? {} : value) };
  } catch (error) {
    const late = error.name === "TimeoutError";
    const message = late ? "The server took too long." : "The server cannot be reached.";
    exchange.failure = message;
    answer = { ok: false, status: 0, code: "no_answer", message };
  }
  exchange.took = performance.now() - began;
  for (const listener of listeners) listener(exchange, answer);
  return answer;
}

function masked(body) {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, SECRET.has(name) ? "••••••••" : value]),
  );
}

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { message: "That was not JSON: is another program listening at this address?" };
  }
}

function described(response, value) {
  return {
    status: response.status,
    reason: response.statusText,
    headers: SHOWN.filter((name) => response.headers.has(name)).map((name) => [
      name,
      response.headers.get(name),
    ]),
    // What the development server says about the cookies, which a script cannot see.
    cookies: readJson(response.headers.get("X-Authingo-Dev-Cookies") ?? '{"sent": [], "set": []}'),
    value,
  };
}
