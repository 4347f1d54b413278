// The mails that the development server keeps for this page.

import { $, el } from "./dom.js";
import { plural } from "./clock.js";
import { onArrival } from "./fragment.js";
import { onExchange, settings } from "./wire.js";

const LOOK = 1000; // milliseconds between looks
const KEPT = "authingo inbox"; // in this tab only, until it is closed

let token = sessionStorage.getItem(KEPT);
let latest = 0; // the number of the last mail that is shown
let opened = null; // the entry that opened by itself
let looked = false;
let looking = false;

export function startInbox() {
  if (!settings.inbox) return;
  $("inbox").hidden = false;
  onArrival(({ name, value }) => {
    if (name !== "inbox") return;
    token = value;
    sessionStorage.setItem(KEPT, token);
    look();
  });
  onExchange((exchange) => exchange.quiet || look());
  document.addEventListener("visibilitychange", look);
  setInterval(look, LOOK);
  look();
}

async function look() {
  showWhatThereIs();
  if (!token || looking || document.visibilityState === "hidden") return;
  looking = true;
  try {
    const headers = { "X-Authingo-Inbox": token };
    const answer = await fetch(`/page/inbox?after=${latest}`, { headers, cache: "no-store" });
    if (answer.status === 403) {
      token = null;
      sessionStorage.removeItem(KEPT);
    } else if (answer.ok) {
      add((await answer.json()).mails);
    }
  } catch {
    // The server is down, which other parts of the page report.
  } finally {
    looking = false;
  }
  showWhatThereIs();
}

function add(mails) {
  for (const mail of mails) {
    const entry = listed(mail);
    $("mails").prepend(el("li", {}, entry));
    latest = mail.number;
    if (!looked) continue; // only what comes while somebody looks on opens by itself
    if (opened) opened.open = false;
    opened = entry;
    entry.open = true;
  }
  looked = true;
}

function showWhatThereIs() {
  const count = $("mails").children.length;
  $("mails").hidden = !token;
  const text = token ? `${plural(count, "mail")}, the latest first.` : "";
  $("inbox-state").textContent = count ? text : "";
  $("inbox-empty").hidden = !token || count > 0;
  $("inbox-locked").hidden = Boolean(token);
}

function listed(mail) {
  const at = new Date(mail.at).toLocaleTimeString();
  const facts = el("span", { className: "note" }, `to ${mail.to}, at ${at}`);
  const entry = el("details", { className: "mail" });
  entry.append(el("summary", {}, el("b", {}, mail.subject), " ", facts));
  entry.addEventListener("toggle", () => {
    if (!entry.open || entry.querySelector("iframe")) return;
    const text = el("details", {}, el("summary", {}, "As text"), el("pre", {}, mail.text));
    entry.append(framed(mail), text);
  });
  return entry;
}

// Shows the HTML of a mail, without scripts. A link leaves the frame only when it is clicked.
function framed(mail) {
  const frame = el("iframe", { title: `Mail: ${mail.subject}`, src: mail.html });
  frame.sandbox = "allow-same-origin allow-top-navigation-by-user-activation";
  frame.addEventListener("load", () => {
    const inside = frame.contentDocument;
    for (const link of inside.links) link.target = "_top";
    const fit = () => {
      const { height } = inside.documentElement.getBoundingClientRect();
      frame.height = Math.ceil(height);
    };
    new ResizeObserver(fit).observe(frame);
    fit();
  });
  return frame;
}
