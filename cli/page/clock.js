// The server's clock. Deadlines are the server's, so a countdown must not trust ours.
//
// The Date header has whole seconds. A server makes it once a second, or later if it is busy, so
// one answer shows the difference between the clocks to some three seconds. All answers together
// narrow it down. If there may be no difference at all, we assume that there is none.

const STALE = 3000; // milliseconds that a Date may be late

let least = -Infinity;
let most = Infinity;

export function learn(date, sentAt, receivedAt) {
  const said = Date.parse(date);
  if (Number.isNaN(said)) return;
  const low = said - receivedAt;
  const high = said + STALE - sentAt;
  const moved = low > most || high < least; // a clock was set
  least = moved ? low : Math.max(least, low);
  most = moved ? high : Math.min(most, high);
}

// Milliseconds that the server's clock is ahead of ours.
export const ahead = () => (least <= 0 && most >= 0 ? 0 : (least + most) / 2);

export const now = () => Date.now() + ahead();

export function lengthOf(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const [days, hours, minutes] = [86400, 3600, 60].map((unit) => Math.floor(seconds / unit));
  if (days) return `${days} d ${hours % 24} h`.replace(" 0 h", "");
  if (hours) return `${hours}:${two(minutes % 60)}:${two(seconds % 60)}`;
  return `${minutes}:${two(seconds % 60)}`;
}

export function inWords(seconds) {
  for (const [unit, name] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    if (seconds >= unit && seconds % unit === 0) return plural(seconds / unit, name);
  }
  return plural(seconds, "second");
}

export function ago(time) {
  const seconds = Math.max(0, Math.floor((now() - Date.parse(time)) / 1000));
  if (seconds < 60) return "just now";
  for (const [unit, name] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    if (seconds >= unit) return `${plural(Math.floor(seconds / unit), name)} ago`;
  }
}

export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
