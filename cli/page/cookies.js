// What each cookie is for, and why each of its attributes is as it is.

import { inWords } from "./clock.js";
import { settings } from "./wire.js";

const PURPOSE = {
  session: "says who is asking",
  refresh: "gets the next pair of tokens",
  device: "knows this browser, so strangers can’t keep you out",
  pending: "lets this browser prove the address it signed up with",
  ceremony: "lets only this browser finish what it has begun",
};

const SHORT_LIVED = {
  path: () => "every route gets it, and by itself it opens none of them",
  "max-age": (seconds) => `${inWords(seconds)}: then there is nothing left to finish`,
  strict: "never on a request that another site began, not even a link",
};

const WHY = {
  session: {
    path: () => "every route of your service may ask who it is",
    "max-age": () =>
      `the server ends it after ${inWords(settings.seconds.session)}; then it can only sign out`,
    lax: "a link of another site brings it along, a form or script does not",
  },
  refresh: {
    path: () => "this one address: no other route, log or handler sees it",
    "max-age": (seconds) => `${inWords(seconds)}: until the refresh token expires`,
    strict: "never on a request that another site began, not even a link",
  },
  device: {
    path: () => "every route gets it, and it opens none of them",
    "max-age": (seconds) => `${inWords(seconds)} from each sign-in; it stays when you sign out`,
    strict: "never on a request that another site began, not even a link",
  },
  pending: SHORT_LIVED,
  ceremony: SHORT_LIVED,
};

const kindOf = (name) =>
  Object.keys(WHY).find((kind) => settings.cookies[kind] === name) ?? "session";

export const purpose = ({ name, cleared }) => (cleared ? "" : PURPOSE[kindOf(name)]);

// Returns the attributes of each cookie in an answer and their reasons, and those common to all.
export function explained(cookies) {
  const every = cookies.map(rowsOf);
  const same = ([attribute, why]) =>
    every.every((rows) => rows.some((one) => one[0] === attribute && one[1] === why));
  const common = every.length > 1 ? every[0].filter(same) : [];
  const own = (rows) => rows.filter((row) => !common.length || !same(row));
  return { each: every.map(own), common };
}

function rowsOf({ name, cleared, attributes }) {
  const kind = kindOf(name);
  const lines = attributes.map((attribute) => [attribute, reason(kind, attribute, cleared)]);
  const said = attributes.map((attribute) => attribute.split("=")[0].toLowerCase());
  if (!said.includes("secure")) {
    const why = `public_url is ${settings.public_url}; elsewhere they are Secure`;
    lines.push(["no Secure", why]);
  }
  if (!said.includes("domain")) lines.push(["no Domain", "this host only, and no subdomain of it"]);
  return lines;
}

// The same in one line, for places with little room.
export function inShort({ cleared, attributes }) {
  if (cleared) return "";
  const value = (name) =>
    attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.split("=")[1] ?? "";
  const [path, site] = [value("path"), value("samesite")];
  const sender = { Lax: " or sent by a form of another site", Strict: " or sent for another site" };
  return ` for ${path === "/" ? "every route" : `${path} only`}, not read by scripts${sender[site] ?? ""}`;
}

function reason(kind, attribute, cleared) {
  const [key, value] = attribute.toLowerCase().split("=");
  switch (key) {
    case "path":
      return cleared ? "as it was set, or the browser would keep the old one" : WHY[kind].path();
    case "max-age":
      return cleared ? "forget it now" : WHY[kind]["max-age"](Number(value));
    case "httponly":
      return "no script can read it, this page's own included";
    case "samesite":
      return WHY[kind][value] ?? "it may be embedded by other sites: cookies.same_site";
    case "secure":
      return "over https only, and on this machine";
    case "domain":
      return "shared with every subdomain: cookies.domain";
    case "partitioned":
      return "a jar of its own for each site that embeds it";
    default:
      return "";
  }
}
