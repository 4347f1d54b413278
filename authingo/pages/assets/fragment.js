// The token of a link in a mail. It leaves the address bar and the history at once.

function take() {
  const [, found] = /^#token=(.+)$/.exec(location.hash) ?? [];
  if (found) history.replaceState(null, "", location.pathname + location.search);
  return found;
}

export const token = take();

// Another link was pasted into the address bar of this page.
addEventListener("hashchange", () => {
  if (!/^#token=/.test(location.hash)) return;
  location.reload();
});
