// The mails of a program in development.

import { token } from "./fragment.js";
import { followMails } from "./mails.js";
import { $, el, facts, text } from "./page.js";

const shown = followMails({
  from: `${facts.pages}/inbox/mails`,
  list: $("mails"),
  el,
  words: {
    about: (values) => text("inbox.about", values),
    framed: (values) => text("inbox.framed", values),
    asText: text("inbox.as_text"),
  },
  changed({ locked, count }) {
    $("locked").hidden = !locked;
    $("empty").hidden = locked || count > 0;
  },
});

if (token) shown.open(token);
else shown.look();
