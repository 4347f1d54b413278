// The mails that the development server keeps for this page.

import { $, el } from "./dom.js";
import { plural } from "./clock.js";
import { onArrival } from "./fragment.js";
import { followMails } from "./mails.js";
import { onExchange, settings } from "./wire.js";

export function startInbox() {
  if (!settings.inbox) return;
  $("inbox").hidden = false;
  const inbox = followMails({
    from: "/page/inbox",
    list: $("mails"),
    el,
    words: {
      about: ({ to, time }) => `to ${to}, at ${time}`,
      framed: ({ subject }) => `Mail: ${subject}`,
      asText: "As text",
    },
    changed({ locked, count }) {
      const shown = !locked && count > 0;
      $("inbox-state").textContent = shown ? `${plural(count, "mail")}, the latest first.` : "";
      $("inbox-empty").hidden = locked || count > 0;
      $("inbox-locked").hidden = !locked;
    },
  });
  onArrival(({ name, value }) => name === "inbox" && inbox.open(value));
  onExchange((exchange) => exchange.quiet || inbox.look());
  inbox.look();
}
