// Why each attribute of a cookie is as it is.

import { inWords } from "./clock.js";
import { settings } from "./wire.js";

const WHY = {
  session: {
    path: () => "every route of your service may ask who it is",
    "max-age": () =>
      `the server ends it after ${inWords(settings.seconds.session)}; ` +
      `kept longer, so that an idle tab can still sign out`,
    lax: "another site's link brings it along, another site's form or script does not",
  },
  refresh: {
    path: () => "it goes to this one address: no other route, log or handler ever sees it",
    "max-age": (seconds) => `${inWords(seconds)}: until the refresh token expires`,
    strict: "never on a request that another site began, not even a link",
  },
};

// Returns pairs of what the cookie says and why; what it leaves unsaid is in italics.
export function explained({ name, cleared, attributes }) {
  const kind = name === settings.cookies.refresh ? "refresh" : "session";
  const lines = attributes.map((attribute) => [attribute, reason(kind, attribute, cleared)]);
  const said = attributes.map((attribute) => attribute.split("=")[0].toLowerCase());
  if (!said.includes("secure")) {
    const why = `public_url is ${settings.public_url}; everywhere else, cookies are Secure`;
    lines.push(["no Secure", why]);
  }
  if (!said.includes("domain")) lines.push(["no Domain", "this host only, and no subdomain of it"]);
  return lines;
}

// The same in one line, for where there is little room.
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
