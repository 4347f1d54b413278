// What the address of the page has after its #: the token of a link in a mail, or of the inbox.
// It leaves the address bar and the history at once, before anything else is loaded.

const listeners = [];

// Calls the listener with what the address brings now, and with what it brings later.
export function onArrival(listener) {
  listeners.push(listener);
  if (first) listener(first);
}

function take() {
  const [, name, value] = /^#(inbox|token)=(.+)$/.exec(location.hash) ?? [];
  if (!name) return null;
  const arrival = { name, value, path: location.pathname };
  history.replaceState(null, "", "/");
  return arrival;
}

const first = take();

// The address of a page that is open already was edited, or replaced by one with another token.
window.addEventListener("hashchange", () => {
  const arrival = take();
  if (arrival) for (const listener of listeners) listener(arrival);
});
