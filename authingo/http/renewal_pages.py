"""The two pages of `authingo.http.renewal`, their script and their style.

They load nothing. The script and the style are constants that the policy allows by their hashes;
what differs is in attributes, escaped (OWASP ASVS 5.0 V1.2.1, V3.4.3; CSP Level 3, "hash-source").
Their referrer policy is not that of the other answers, with which a form has `Origin: null` (Fetch
Standard, "append a request Origin header") and a browser without Sec-Fetch-Site could not send it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from authingo.http.replies import Page

_SCRIPT = """
"use strict";
const main = document.querySelector("main");
const { refresh, mark } = main.dataset;

function show(state) {
  for (const part of main.children) part.hidden = part.dataset.when !== state;
}

async function ask() {
  try {
    const { ok, status } = await fetch(refresh, {
      method: "POST",
      headers: { "X-Authingo-Client": "true" },
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout?.(20_000),
    });
    return ok ? "renewed" : status === 401 ? "ended" : "failed";
  } catch {
    return "failed";
  }
}

async function renew() {
  show("working");
  const state = refresh ? await ask() : "ended";
  if (!mark || state === "failed") return show(state);
  document.cookie = mark;
  // Without the mark, the page could come back for ever.
  if (document.cookie.split("; ").includes(mark.split(";")[0])) location.reload();
  else show("failed");
}

main.addEventListener("click", ({ target }) => {
  if (target.name === "again") renew();
  if (target.name === "back") history.back();
});
renew();
"""

_STYLE = """
:root { color-scheme: light dark; background: canvas; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 15vh 1.25rem 1.25rem; }
main { max-width: 28rem; margin: 0 auto; }
h1 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .5rem; }
p { margin: 0 0 1rem; }
button { font: inherit; min-height: 2.75rem; padding: .5rem 1.25rem; }
button { margin-block-end: .75rem; margin-inline-end: .75rem; }
a, button { outline-offset: 3px; }
[data-when="working"] { animation: appear 0s .5s both; }
@keyframes appear { from { visibility: hidden; } }
"""

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="same-origin">
<style>{style}</style>
</head>
<body>
<main{data}>
{parts}
</main>
<script>{script}</script>
</body>
</html>
"""

_RENEWAL = """<p data-when="working" role="status" hidden>Renewing your session …</p>
<div data-when="failed" role="alert" hidden>
<h1>Your session could not be renewed</h1>
<p>The server may be out of reach. Try again, or sign in.</p>
<button type="button" name="again">Try again</button>
<a href="{sign_in}">Sign in</a>
</div>
<noscript>
<h1>Your session has expired</h1>
<p>With JavaScript, it would be renewed now. Without it, please
<a href="{sign_in}">sign in again</a>.</p>
</noscript>"""

_FORM = """<p data-when="working" role="status" hidden>Renewing your session …</p>
<div data-when="renewed" role="alert" hidden>
<h1>This has not been sent yet</h1>
<p>Your session had expired. You are signed in again now. {kept}</p>
{buttons}
</div>
<div data-when="ended" role="alert" hidden>
<h1>This has not been sent: you are signed out</h1>
<p><a href="{sign_in}" target="_blank" rel="noopener">Sign in in another tab</a> and come back to
this tab. {kept}</p>
{buttons}
</div>
<div data-when="failed" role="alert" hidden>
<h1>This has not been sent: your session has expired</h1>
<p>It could not be renewed, since the server may be out of reach. Try again. Or
<a href="{sign_in}" target="_blank" rel="noopener">sign in in another tab</a> and come back to this
tab. {kept}</p>
<button type="button" name="again">Try again</button>
{buttons}
</div>
<noscript>
<h1>This has not been sent: your session has expired</h1>
<p><a href="{sign_in}" target="_blank" rel="noopener">Sign in in another tab</a> and come back to
this tab. {kept_plain}</p>
{button}
</noscript>
{form}"""
_SEND_AGAIN = '<button form="typed">Send it again</button>'
_GO_BACK = '<button type="button" name="back">Go back</button>'
_KEPT = "What you typed is still here: send it again."
_BACK = "Then go back to what you typed, and send it again."
_BACK_PLAIN = "Then press the Back button of your browser, and send again what you typed."


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_hash(_SCRIPT)}",
        f"style-src {_hash(_STYLE)}",
        "connect-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
"""No form-action: the only form goes to a path of this site, and browsers apply the directive to a
redirect of its answer too. To a page that stays, a form seems not to have been sent."""


def renewal_page(*, refresh: str, mark: str, sign_in: str, vary: tuple[bytes, bytes]) -> Page:
    """Return the page that renews the session and loads the address again.

    Args:
        refresh: the path to post to.
        mark: the cookie to leave once there is an answer.
        sign_in: where a browser goes that cannot do it.
        vary: that header.
    """
    data = f' data-refresh="{escape(refresh)}" data-mark="{escape(mark)}"'
    return _page("Renewing your session", data, _RENEWAL.format(sign_in=escape(sign_in)), vary)


def form_page(
    *,
    refresh: str | None,
    sign_in: str,
    again: tuple[str, Sequence[tuple[str, str]]] | None,
    vary: tuple[bytes, bytes],
) -> Page:
    """Return the page that says that a form was not accepted, and sends it again or leads back.

    Args:
        refresh: as for `renewal_page`; None if there is nothing to renew.
        sign_in: where to sign in, in another tab.
        again: the path of the form and its fields, if the page can send it again.
        vary: that header.
    """
    data = f' data-refresh="{escape(refresh)}"' if refresh else ""
    parts = _FORM.format(
        sign_in=escape(sign_in),
        kept=_KEPT if again else _BACK,
        kept_plain=_KEPT if again else _BACK_PLAIN,
        button=_SEND_AGAIN if again else "",
        buttons=f"{_SEND_AGAIN}\n{_GO_BACK}" if again else _GO_BACK,
        form=_form(*again) if again else "",
    )
    return _page("Not sent yet", data, parts, vary)


def _form(path: str, fields: Sequence[tuple[str, str]]) -> str:
    inputs = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields
    )
    return f'<form id="typed" method="post" action="{escape(path)}" hidden>\n{inputs}\n</form>'


def _page(title: str, data: str, parts: str, vary: tuple[bytes, bytes]) -> Page:
    html = _SHELL.format(title=title, data=data, parts=parts, style=_STYLE, script=_SCRIPT)
    return Page(html=html, status=401, policy=POLICY, headers=(vary,))
