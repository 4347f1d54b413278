"""The README of the running version, as a page of the development server."""

from __future__ import annotations

from importlib.metadata import metadata

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>authingo: README</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <link rel="icon" href="/page/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/page/page.css">
</head>
<body>
  <header class="top">
    <img src="/page/icon.svg" alt="" width="36" height="36">
    <p class="brand">README</p>
    <p class="tag">authingo {version}</p>
    <nav aria-label="Documents">
      <a href="/">Try every flow</a>
      <a href="/page/openapi.html">OpenAPI</a>
    </nav>
  </header>
  <main class="document"><article class="card prose">
{body}  </article></main>
</body>
</html>
"""


def readme_page() -> bytes:
    """Return the README in the package as HTML that loads nothing from other servers."""
    about = metadata("authingo")
    text = str(about.json.get("description", ""))
    return _PAGE.format(version=about["Version"], body=_rendered(text)).encode()


def _rendered(markdown: str) -> str:
    from markdown_it import MarkdownIt

    # HTML in the text is shown as text. Images are off, since each would be a request.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = parser.parse(markdown)
    for child in (child for token in tokens for child in token.children or []):
        if child.type == "link_open":
            # Any other link leads to a file of the repository, which this server does not have.
            elsewhere = not str(child.attrGet("href")).startswith("https://")
        if child.type in {"link_open", "link_close"}:
            child.hidden = elsewhere
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html
