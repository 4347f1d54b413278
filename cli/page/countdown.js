// How long each part of the session has to live.

import { ahead, lengthOf, now, plural } from "./clock.js";
import { $ } from "./dom.js";
import { state } from "./session.js";
import { settings } from "./wire.js";

const LIVES = {
  session: () => Date.parse(state.session.expires_at),
  refresh: () => Date.parse(state.session.refresh_expires_at),
  absolute: () => Date.parse(state.session.created_at) + settings.seconds.absolute * 1000,
};

export function count() {
  if (!state.session) return;
  for (const [name, deadline] of Object.entries(LIVES)) {
    // We know the server's clock only to a second or two, so never show more than a whole life.
    const left = Math.min(Math.max(0, deadline() - now()), settings.seconds[name] * 1000);
    const row = $(`life-${name}`);
    const text = left ? lengthOf(left) : "expired";
    const shown = row.querySelector(".left");
    if (shown.textContent !== text) shown.textContent = text;
    row.classList.toggle("expired", !left);
    const bar = row.querySelector("progress");
    bar.max = settings.seconds[name];
    bar.value = left / 1000;
  }
  const expired = LIVES.session() <= now();
  const hint = expired
    ? "The next request renews it silently. Try “Ask who I am”."
    : "Every request carries it.";
  const place = $("life-session").querySelector(".hint");
  if (place.textContent !== hint) place.textContent = hint;
  const seconds = Math.round(Math.abs(ahead()) / 1000);
  const theirs = ahead() > 0 ? "behind" : "ahead";
  $("clock").textContent = seconds
    ? `Counted by the server's clock; yours is ${plural(seconds, "second")} ${theirs}.`
    : "Counted by the server's clock, with which yours agrees.";
}
