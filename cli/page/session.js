// Who is signed in, as this tab knows it: kept alive by silent refresh, shared with other tabs.

import { send, settings } from "./wire.js";

const LOCK = `authingo${settings.base_path}`;
const channel = new BroadcastChannel(LOCK);

export const state = { user: null, session: null, known: false };

// Grows when the session changes, so that the answer to a request sent before that is ignored.
let version = 0;
let renewing = null;
const listeners = [];
export const onChange = (listener) => listeners.push(listener);

function change(user, session, why) {
  if (session?.id !== state.session?.id) version += 1;
  else if (session && session.expires_at < state.session.expires_at) return; // it comes late
  Object.assign(state, { user, session, known: true });
  for (const listener of listeners) listener(why);
}

function adopt(value, type) {
  change(value.user, value.session, type);
  channel.postMessage({ type, ...value });
}

channel.onmessage = ({ data }) => {
  if (data.type === "look again") {
    if (state.user) check("another tab found its session ended");
  } else if (data.type === "signed out") {
    if (state.user) change(null, null, "signed out elsewhere");
  } else if (data.type === "renewed") {
    // Ignore a refresh that raced a sign-out: it renewed nothing.
    if (state.session?.id === data.session.id) change(data.user, data.session, "renewed elsewhere");
  } else {
    change(data.user, data.session, "signed in elsewhere");
  }
};

// Sends a request that needs a session. If the session has expired, renews it and sends again.
export async function call(method, path, options = {}) {
  let began = version;
  let answer = await send(method, path, options);
  if (answer.code === "session_expired") {
    answer = await renew();
    if (answer.ok) {
      began = version;
      const again = { ...options, note: "again, with the new session", quiet: true };
      answer = await send(method, path, again);
    }
  }
  if (answer.status === 401 && began === version) lose(answer.code);
  return answer;
}

function lose(why) {
  const had = state.user !== null;
  if (had || !state.known) change(null, null, why);
  if (had) channel.postMessage({ type: "look again" });
}

// One refresh at a time in this tab, and one at a time in all of them.
function renew() {
  renewing ??= exclusively(async () => {
    const answer = await look("holding the lock: has another tab refreshed meanwhile?", true);
    return answer.code === "session_expired" ? rotate("silent refresh") : answer;
  }).finally(() => {
    renewing = null;
  });
  return renewing;
}

async function rotate(note) {
  const began = version;
  const answer = await send("POST", "/refresh", { note });
  if (answer.ok && began === version) adopt(answer.value, "renewed");
  return answer;
}

const exclusively = (task) => (navigator.locks ? navigator.locks.request(LOCK, task) : task());

export async function refresh() {
  const began = version;
  const answer = await exclusively(() => rotate(""));
  if (answer.status === 401 && began === version) lose(answer.code);
  return answer;
}

export const check = (note = "") => look(note, false, call);

async function look(note, quiet, sender = send) {
  const began = version;
  const answer = await sender("GET", "/session", { note, quiet });
  if (answer.ok && began === version) change(answer.value.user, answer.value.session, "checked");
  return answer;
}

// Sign-up, sign-in and change of password (by `call`): each begins a session, but for a sign-up
// where the address has to be verified first.
export async function begin(path, body, sender = send) {
  const answer = await sender("POST", path, { body });
  if (answer.ok && answer.value.session) adopt(answer.value, "signed in");
  return answer;
}

export async function signOut() {
  const answer = await send("POST", "/sign-out");
  if (answer.ok) {
    change(null, null, "signed out");
    channel.postMessage({ type: "signed out" });
  }
  return answer;
}

// A tab that wakes up does not know what happened meanwhile.
export function wakeUp(note) {
  if (state.user) check(note);
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") wakeUp("this tab was shown again");
});
window.addEventListener("online", () => wakeUp("the network is back"));
window.addEventListener("pageshow", (event) => event.persisted && wakeUp("back in this tab"));
