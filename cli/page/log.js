// The log of what went over the wire.

import { explained, inShort, purpose } from "./cookies.js";
import { $, busy, el } from "./dom.js";
import { onExchange } from "./wire.js";

const KEPT = 60; // entries

let opened = null; // the entry that the log opened by itself

export function startLog() {
  onExchange(add);
  $("clear").addEventListener("click", () => $("log").replaceChildren());
}

function add(exchange) {
  const entry = el("details", {}, summary(exchange), ...content(exchange));
  if (!exchange.quiet) {
    if (opened) opened.open = false;
    opened = entry;
    entry.open = true;
  }
  $("log").prepend(el("li", {}, entry));
  $("log").scrollTop = 0;
  if (!exchange.quiet) showLatest(exchange);
  while ($("log").children.length > KEPT) $("log").lastChild.remove();
}

// If the log is far below, a line at the foot of the window leads to it.
function showLatest(exchange) {
  const latest = $("latest");
  latest.hidden = false;
  const put = (exchange.answer?.cookies.set ?? []).map((one) =>
    el("span", { className: "put" }, el("b", {}, `${verb(one)} ${one.name}`), inShort(one)),
  );
  latest.replaceChildren("On the wire: ", line(exchange), " ", chip(exchange), ...put);
}

const line = ({ method, path }) => el("span", { className: "line" }, el("b", {}, method), ` ${path}`);

function chip({ answer }) {
  const kind = answer ? `s${Math.floor(answer.status / 100)}` : "s0";
  return el("span", { className: `chip ${kind}` }, answer ? String(answer.status) : "no answer");
}

function summary(exchange) {
  const { answer, note, took } = exchange;
  const code = answer?.value?.code;
  const parts = [
    line(exchange),
    chip(exchange),
    code && el("code", {}, code),
    el("span", { className: "took" }, `${Math.max(1, Math.round(took))} ms`),
    note && el("span", { className: "note" }, note),
  ];
  // With spaces between, for screen readers.
  return el("summary", {}, ...parts.filter(Boolean).flatMap((one) => [one, " "]));
}

function content(exchange) {
  const { answer, failure } = exchange;
  const request = [
    `${exchange.method} ${exchange.path}`,
    ...Object.entries(exchange.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const sent = answer?.cookies.sent ?? [];
  if (sent.length) request.push(`Cookie: ${sent.map((name) => `${name}=…`).join("; ")}`);
  // Cookies that were set come first, because a page cannot see them otherwise.
  return [
    ...cookies(answer?.cookies.set ?? []),
    part("Request", transcript(request, exchange.body), copyButton(exchange)),
    answer
      ? part(
          "Answer",
          transcript(
            [`${answer.status} ${answer.reason}`, ...answer.headers.map((pair) => pair.join(": "))],
            answer.value,
          ),
        )
      : part("Answer", el("p", { className: "hint" }, failure)),
  ];
}

function part(title, ...nodes) {
  return el("div", { className: "part" }, el("h3", {}, title), ...nodes);
}

function transcript(lines, body) {
  const [first, ...rest] = lines;
  const text = rest.map((one) => `\n${one}`).join("");
  const json = body ? `\n\n${JSON.stringify(body, null, 2)}` : "";
  return el("pre", {}, el("b", {}, first), text + json);
}

const verb = ({ cleared }) => (cleared ? "Cookie cleared:" : "Cookie set:");

// Shows what all cookies have in common once, so that three of them fit in a window.
function cookies(set) {
  const { each, common } = explained(set);
  const blocks = set.map((one, index) =>
    cookie([`${verb(one)} `, el("code", {}, one.name)], purpose(one), each[index]),
  );
  return common.length ? [...blocks, cookie(["Each of them"], "", common)] : blocks;
}

function cookie(title, use, rows) {
  const what = use ? [" ", el("span", { className: "use" }, use)] : [];
  const lines = rows.map(([attribute, why]) =>
    el("div", {}, el("dt", {}, el("code", {}, attribute)), el("dd", {}, why)),
  );
  return el("div", { className: "part cookie" }, el("h3", {}, ...title, ...what), el("dl", {}, ...lines));
}

const named = (name, value) =>
  value === "••••••••" ? (name === "token" ? "TOKEN OF THE MAIL" : "YOUR PASSWORD") : value;

// Returns a command for a shell. curl keeps the cookies in a jar, and secrets are left out.
function curl({ method, path, headers, body }) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    `curl -i -b jar.txt -c jar.txt -X ${method} ${quoted(location.origin + path)}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(body ? [`-d ${quoted(JSON.stringify(body, named))}`] : []),
  ].join(" \\\n  ");
}

function copyButton(exchange) {
  const button = el("button", { type: "button", className: "small" }, "Copy as curl");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(curl(exchange));
      button.textContent = "Copied";
    } catch {
      button.replaceWith(el("pre", { tabIndex: 0 }, curl(exchange))); // to copy by hand
    }
  };
  button.addEventListener("click", () => busy(button, copy));
  return button;
}
