"""The bytes of an HTTP/1.1 request head (RFC 9112 §3, §5). Pure: no I/O, no clock.

It refuses whatever would let a value end its line; it must never mend or re-encode what it is given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.settings.urls import without_credentials
from gateway.upstream.transport import UpstreamRequest

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
HOST = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\]")
# What the transport says itself, or what belongs to one hop: two lengths in one request are how
# requests are smuggled (RFC 9112 §11.2).
FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
MAX_NAMES = 1024
KNOWN_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
# RFC 9110 §9.2.1: these ask for nothing to be done. PUT and DELETE are idempotent, and writes all the same: between
# two of them another client's may have come.
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class BadRequest(ValueError):  # noqa: N818 - read as the sentence "a bad request was refused"
    """A request that cannot be put on the wire as it was given."""


@dataclass(frozen=True, slots=True)
class UrlOrigin:
    """Where a URL leads: what connections are pooled by.

    Attributes:
        host: A name or an address, without brackets.
        authority: As the Host header has it.
    """

    is_tls: bool
    host: str
    port: int
    authority: str


def split_url(url: str) -> tuple[str, str]:
    """A URL's scheme with authority, and its request target without a fragment.

    Errors: BadRequest for a target with a space, a control character or one beyond ASCII.
    """
    at = url.find("/", 8)  # behind the "//" of either scheme
    base, target = url[:at], url[at:]
    if at < 0 or "?" in base or "#" in url:
        base, target = _split_odd(url)
    if not (target.isascii() and target.isprintable()) or " " in target:
        shown = without_credentials(url)
        raise BadRequest(f"the URL has a character that must be percent-encoded: {shown!r:.200}")
    return base, target


def _split_odd(url: str) -> tuple[str, str]:
    """One without a path, or with a fragment, which is never sent (RFC 9110 §7.1)."""
    at = url.find("/", 8)
    if at < 0 or "?" in url[:at] or "#" in url[:at]:
        cut = re.search(r"[?#]", url)
        at = len(url) if cut is None else cut.start()
        base, target = url[:at], f"/{url[at:]}"
    else:
        base, target = url[:at], url[at:]
    return base, target.partition("#")[0]


def parse_origin(base: str) -> UrlOrigin:
    """`https://host:port`, taken apart. Errors: BadRequest."""
    scheme, _, authority = base.partition("://")
    is_tls = scheme.lower() == "https"
    if not is_tls and scheme.lower() != "http":
        raise BadRequest(f"the URL is not http or https: {without_credentials(base)!r:.200}")
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, ""
    # "user:password@" is refused too: no configured URL has it, and hostile ones use it to hide a host.
    if HOST.fullmatch(host) is None or (port and not (port.isascii() and port.isdigit())):
        shown = without_credentials(base)
        raise BadRequest(f"the URL has no plain host and port: {shown!r:.200}")
    number = int(port) if port else (443 if is_tls else 80)
    if not 0 < number < 65536:
        raise BadRequest(f"the URL's port is out of range: {without_credentials(base)!r:.200}")
    is_default = number == (443 if is_tls else 80)
    return UrlOrigin(is_tls, host.strip("[]"), number, host if is_default else f"{host}:{number}")


# Header names seen, as they stand in a head; a gateway sends few of them, over and over.
_prefixes: dict[str, str] = {}


def name_prefix(name: str) -> str:
    """`name: `, checked. Errors: BadRequest for what is not a token, or what the transport sets itself."""
    if TOKEN.fullmatch(name) is None:
        raise BadRequest(f"not a header name: {name!r:.100}")
    lower = name.lower()
    if lower in FRAMING:
        raise BadRequest(f"the transport sets this header itself: {name}")
    prefix = f"{name}: "
    if lower != "host":  # which is looked for wherever a name is not known
        if len(_prefixes) >= MAX_NAMES:
            _prefixes.clear()
        _prefixes[name] = prefix
    return prefix


def check_parts(request: UpstreamRequest) -> None:
    """Errors: BadRequest for a method or a header that would break the message's frame."""
    if request.method not in KNOWN_METHODS and TOKEN.fullmatch(request.method) is None:
        raise BadRequest(f"not a method: {request.method!r:.100}")
    for name, value in (*request.headers, *request.added):
        if name not in _prefixes:
            name_prefix(name)
        if "\r" in value or "\n" in value or "\0" in value:
            raise BadRequest(f"the value of {name} has CR, LF or NUL")
        if not value.isascii() and max(value) > "\xff":
            raise BadRequest(f"the value of {name} has a character beyond latin-1")


def encode_head(request: UpstreamRequest, target: str, authority: str) -> bytes:
    """The request's head, with its blank line.

    Shape: header names and values in the order and letter case given, values as latin-1; Host first
        unless given; a length for bytes, `chunked` for a stream.
    Errors: BadRequest; nothing is sent then.
    """
    method, body = request.method, request.body
    headers = (*request.headers, *request.added)
    host = f"host: {authority}\r\n"
    try:
        fields = "".join([f"{_prefixes[name]}{value}\r\n" for name, value in headers])
    except KeyError:
        fields = "".join([f"{name_prefix(name)}{value}\r\n" for name, value in headers])
        if any(name.lower() == "host" for name, _ in headers):
            host = ""
    # One look at all values for what `check_parts` would find, part by part.
    if (
        fields.count("\r") != len(headers)
        or fields.count("\n") != len(headers)
        or "\0" in fields
        or method not in KNOWN_METHODS
    ):
        check_parts(request)
    if body is None:
        framing = "content-length: 0\r\n" if method in ("POST", "PUT", "PATCH") else ""
    elif isinstance(body, bytes):
        framing = f"content-length: {len(body)}\r\n"
    else:
        framing = "transfer-encoding: chunked\r\n"
    try:
        return f"{method} {target} HTTP/1.1\r\n{host}{fields}{framing}\r\n".encode("latin-1")
    except UnicodeEncodeError as exc:
        raise BadRequest("a header value has a character beyond latin-1") from exc
