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
    const below = decodeURIComponent(path.split("#")[0]);
    const isOwn = (own) => below === own || below.startsWith(`${own}/`);
    const url = new URL(value, location.origin);
    if (isOwn(facts.routes) || isOwn(facts.pages) || url.origin !== location.origin) return null;
    const result = url.pathname + url.search + url.hash;
    return result.length > LONGEST ? null : result;
  } catch {
    return null; // a path or a URL that is none
  }
}

export const next = safeNext(new URLSearchParams(location.search).get("next"));

export function goOn() {
  location.replace(next ?? `${facts.pages}/account`);
}

if (next) {
  for (const link of document.querySelectorAll("a[data-keep]")) {
    link.search = new URLSearchParams({ next });
  }
}
