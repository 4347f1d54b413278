// Where to go after signing in: the path in ?next=, if it is one of this site.

import { facts } from "./page.js";

const LONGEST = 2000; // characters

// The path, if it is one of this origin and not of the pages or the routes; null otherwise.
// The rule is that of authingo/http/next_paths.py, which says why.
export function safeNext(value) {
  if (!value || value.length > LONGEST) return null;
  const [path, ...query] = value.split("?");
  if (!/^\/[!-[\]-~]*$/.test(path) || /\/\/|%2f|%5c|%[01][0-9a-f]|%7f/i.test(path)) return null;
  if (/[\0-\x20\x7f\ud800-\udfff]/u.test(query)) return null;
  const segments = path.toLowerCase().replaceAll("%2e", ".").split(/[/#]/);
  if (segments.includes(".") || segments.includes("..")) return null;
  try {
    const below = path.split("#")[0].replace(/%[0-7][\da-f]/gi, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
    const isOwn = (own) => below === own || below.startsWith(`${own}/`);
    const url = new URL(value, location.origin);
    if (isOwn(facts.routes) || isOwn(facts.pages) || below === facts.sign_in) return null;
    if (url.origin !== location.origin) return null;
    const result = url.pathname + url.search + url.hash;
    return result.length > LONGEST ? null : result;
  } catch {
    return null; // a path or a URL that is none
  }
}

export const next = safeNext(new URLSearchParams(location.search).get("next"));

export function goOn() {
  // A redirect to this page has passed the fragment of the first address on.
  const rest = next?.includes("#") ? "" : location.hash;
  location.replace(next ? next + rest : `${facts.pages}/account`);
}

// Goes on for somebody who is signed in already. False: that was tried a moment ago, and the page
// led back here, because it does not see the session. It would go back and forth for ever.
export function goOnOnce() {
  const mark = "authingo:went-on";
  try {
    const [at, path] = JSON.parse(sessionStorage.getItem(mark)) ?? [0];
    if (path === next && Date.now() - at < 10_000) return false;
    sessionStorage.setItem(mark, JSON.stringify([Date.now(), next]));
  } catch {
    // The browser keeps nothing.
  }
  goOn();
  return true;
}

if (next) {
  for (const link of document.querySelectorAll("a[data-keep]")) {
    link.search = new URLSearchParams({ next });
  }
}
