"""GraphiQL for browsers, at the endpoint's own path: the page and its files, from this host alone.

The files are put here by `scripts/graphiql.sh` at install time; without them the page says so. Only names
in `FILES` are ever opened, so that no path of a request reaches the file system.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from urllib.parse import unquote_to_bytes

from gateway.transport.http.head import RawHead
from gateway.transport.http.negotiate import GRAPHQL_RESPONSE, JSON, quality_of
from gateway.transport.http.respond import HttpResponse, text_response

HERE = Path(__file__).parent.parent
# Served name → file and content type.
FILES: dict[str, tuple[Path, str]] = {
    "graphiql.min.js": (HERE / "assets", "text/javascript"),
    "graphiql.min.css": (HERE / "assets", "text/css"),
    "react.min.js": (HERE / "assets", "text/javascript"),
    "react-dom.min.js": (HERE / "assets", "text/javascript"),
    "timings.js": (HERE / "page", "text/javascript"),
    "start.js": (HERE / "page", "text/javascript"),
    "dev.js": (HERE / "page", "text/javascript"),
    "page.css": (HERE / "page", "text/css"),
}
# GraphiQL's editor writes style elements of its own; nothing else may come from anywhere but here.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# What a query string has that asks for an answer, not for the page.
ASKS = re.compile(rb"(?:^|&)(?:query|documentId|extensions)=")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>GraphiQL</title>
<link rel="icon" href="data:,">
{styles}
</head>
<body data-query="{query}" data-timings="{timings}">
{body}
</body>
</html>
"""
MISSING = """<div class="missing">
<h1>GraphiQL is not installed</h1>
<p>The endpoint works; this page's files are missing. Run <code>sh scripts/graphiql.sh</code> where npm is and
start the gateway again, or send a query:</p>
<p><code>curl -s {url} -H 'content-type: application/json' -d '{{"query": "{{ __typename }}"}}'</code></p>
</div>"""


def wants_page(method: str, headers: Mapping[str, str], query: bytes) -> bool:
    """Whether a request is a browser's for the page: a GET that prefers HTML and asks no query."""
    if method not in ("GET", "HEAD") or ASKS.search(unquote_to_bytes(query)):
        return False
    accept = headers.get("accept", "")
    if "text/html" not in accept.lower():
        return False
    html, _ = quality_of(accept, "text/html")
    return html > 0 and all(
        html >= quality_of(accept, kind)[0] for kind in (JSON, GRAPHQL_RESPONSE)
    )


@cache
def is_installed() -> bool:
    """Whether GraphiQL's files are here."""
    return all((folder / name).is_file() for name, (folder, _) in FILES.items())


@cache
def read_file(name: str) -> tuple[bytes, str, str] | None:
    """A file's bytes, content type and ETag; None for any name that is not ours, or not installed."""
    known = FILES.get(name)
    if known is None:
        return None
    folder, content_type = known
    try:
        body = (folder / name).read_bytes()
    except OSError:
        return None
    return body, f"{content_type}; charset=utf-8", f'"{sha256(body).hexdigest()[:16]}"'


def render_page(
    base: str, first_query: str, *, shows_timings: bool = False, is_dev: bool = False
) -> bytes:
    """The page for an endpoint.

    Args:
        base: The endpoint's path as the browser sees it.
        first_query: What the editor holds at first.
        shows_timings: Whether `x-gateway-trace: true` gets timings, for a panel beside the answer.
        is_dev: Whether it looks for new versions of the schema, and for mistakes in what was saved.
    """
    url = escape(base, quote=True)
    names = ["page.css"]
    if is_installed():
        names.insert(0, "graphiql.min.css")
        scripts = ["react.min.js", "react-dom.min.js", "graphiql.min.js", "timings.js", "start.js"]
        body = '<div id="graphiql"></div>\n'
    else:
        scripts = []
        body = MISSING.format(url=url)
    if is_dev:
        scripts.append("dev.js")
    body += "\n".join(f'<script src="{_address(url, name)}"></script>' for name in scripts)
    styles = "\n".join(f'<link rel="stylesheet" href="{_address(url, name)}">' for name in names)
    return PAGE.format(
        styles=styles,
        body=body,
        query=escape(first_query, quote=True),
        timings="true" if shows_timings else "false",
    ).encode()


def _address(url: str, name: str) -> str:
    """A file's URL with its version in it, so that no browser mixes two versions."""
    found = read_file(name)
    version = found[2].strip('"') if found else ""
    return f"{url}/graphiql/{name}?v={version}"


def page_response(
    base: str, first_query: str, *, shows_timings: bool = False, is_dev: bool = False
) -> HttpResponse:
    """The page: arguments as `render_page` has them."""
    page = render_page(base, first_query, shows_timings=shows_timings, is_dev=is_dev)
    lines = (
        b"content-security-policy: %b\r\ncache-control: no-cache\r\nvary: accept\r\n"
        b"referrer-policy: no-referrer\r\n" % POLICY.encode()
    )
    return HttpResponse(200, _lines("text/html; charset=utf-8", len(page)) + lines, page)


def file_response(name: str, raw: RawHead) -> HttpResponse:
    """One of the page's files, or 404."""
    found = read_file(name)
    if found is None:
        return text_response(404, "not found")
    body, content_type, tag = found
    lines = b"etag: %b\r\ncache-control: public, max-age=3600\r\n" % tag.encode()
    if raw.headers.get("if-none-match") == tag:
        return HttpResponse(304, lines, b"")
    return HttpResponse(200, _lines(content_type, len(body)) + lines, body)


def _lines(content_type: str, size: int) -> bytes:
    return b"content-type: %b\r\ncontent-length: %d\r\nx-content-type-options: nosniff\r\n" % (
        content_type.encode(),
        size,
    )
