// Times as people say them, in the language of the page.

import { facts, text } from "./page.js";

const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

export function ago(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  const words = new Intl.RelativeTimeFormat(facts.language, { numeric: "auto" });
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return words.format(-Math.floor(seconds / length), unit);
  }
  return text("panel_sessions.now");
}

export function dayOf(time) {
  return new Intl.DateTimeFormat(facts.language, { dateStyle: "long" }).format(new Date(time));
}
