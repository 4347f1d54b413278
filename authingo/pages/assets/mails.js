// The mails that a program in development keeps in its memory, as a list that grows.

const LOOK = 1000; // milliseconds between looks
const KEPT = "authingo inbox"; // in this tab only, until it is closed

// Fills the list with the mails from an address. `changed` is called after each look.
export function followMails({ from, list, el, words, changed }) {
  let token = sessionStorage.getItem(KEPT);
  let latest = 0; // the number of the last mail that is shown
  let opened = null; // the entry that opened by itself
  let looked = false;
  let looking = false;

  function show() {
    list.hidden = !token;
    changed({ locked: !token, count: list.children.length });
  }

  async function look() {
    show();
    if (!token || looking || document.visibilityState === "hidden") return;
    looking = true;
    try {
      const headers = { "X-Authingo-Inbox": token };
      const answer = await fetch(`${from}?after=${latest}`, { headers, cache: "no-store" });
      if (answer.status === 403) {
        token = null;
        sessionStorage.removeItem(KEPT);
      } else if (answer.ok) {
        add((await answer.json()).mails);
      }
    } catch {
      // The server is down, and may come back.
    } finally {
      looking = false;
    }
    show();
  }

  function add(mails) {
    for (const mail of mails) {
      const entry = listed(mail);
      list.prepend(el("li", {}, entry));
      latest = mail.number;
      if (!looked) continue; // only what comes while somebody looks on opens by itself
      if (opened) opened.open = false;
      opened = entry;
      entry.open = true;
    }
    looked = true;
  }

  function listed(mail) {
    const time = new Date(mail.at).toLocaleTimeString();
    const about = el("span", { className: "about" }, words.about({ to: mail.to, time }));
    const entry = el("details", { className: "mail" });
    entry.append(el("summary", {}, el("b", {}, mail.subject), " ", about));
    entry.addEventListener("toggle", () => {
      if (!entry.open || entry.querySelector("iframe")) return;
      const text = el("details", {}, el("summary", {}, words.asText), el("pre", {}, mail.text));
      entry.append(framed(mail), text);
    });
    return entry;
  }

  // Shows the HTML of a mail, without scripts. A link leaves the frame only when it is clicked.
  function framed(mail) {
    const frame = el("iframe", { title: words.framed(mail), src: mail.html });
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

  document.addEventListener("visibilitychange", look);
  setInterval(look, LOOK);
  return {
    look,
    open(value) {
      token = value;
      sessionStorage.setItem(KEPT, token);
      look();
    },
  };
}
