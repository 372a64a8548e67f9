"""URLs as what is kept is known by: one text for each resource, however a URL is written. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

from gateway.upstream.http1.request_head import BadRequest, UrlOrigin, parse_origin, split_url

_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_IS_ODD = re.compile(r"/\.|[^A-Za-z0-9._~:/?@!$&'()*+,;=-]")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
# What stands for itself in a path and a query, RFC 3986 §3.3 and §3.4, and the mark of what is encoded.
_PLAIN = "%:/?@!$&'()*+,;="


def normal_url(url: str) -> str:
    """A URL in the form that all which name the same resource have; as it is where it is none of HTTP.

    Source: RFC 3986 §6.2.2 and §6.2.3; RFC 9110 §4.2.3.
    """
    try:
        base, target = split_url(url)
        return _base(base)[1] + _normal_target(target)
    except BadRequest:
        return url


def target_of(url: str, given: str) -> str | None:
    """The URL that a header of a URL's answer names, in its normal form; None where it is of another origin, or none.

    Source: RFC 9111 §4.4; RFC 9110 §4.3.1 and §4.2.3 (which origins are one), §10.2.2.
    """
    try:
        named = quote(given.encode("latin-1"), safe=_PLAIN + "#[]")
        base, target = split_url(_resolved(url, named))
        origin, normal_base = _base(base)
        if origin != _base(split_url(url)[0])[0]:
            return None
    except ValueError:  # it is no URL, or has what no header has
        return None
    return normal_base + _normal_target(target)


def _resolved(url: str, given: str) -> str:
    """A reference where it stands in an answer of a URL. RFC 3986 §5.2.2: `urljoin` drops empty segments."""
    if _HAS_SCHEME.match(given):
        return given
    base, target = split_url(url)
    path = target.partition("?")[0]
    if given.startswith("//"):
        return base.partition(":")[0] + ":" + given
    if given.startswith("/"):
        return base + given
    if given.startswith("?"):
        return base + path + given
    if not given.partition("#")[0]:
        return base + target
    return base + path[: path.rindex("/") + 1] + given


@lru_cache(maxsize=256)
def _base(base: str) -> tuple[tuple[bool, str, int], str]:
    """A URL's origin, and its scheme and authority in normal form. Errors: BadRequest."""
    origin: UrlOrigin = parse_origin(base)
    scheme = "https" if origin.is_tls else "http"
    return (
        origin.is_tls,
        origin.host.lower(),
        origin.port,
    ), f"{scheme}://{origin.authority.lower()}"


def _normal_target(target: str) -> str:
    if _IS_ODD.search(target) is None:  # nearly all
        return target
    encoded = quote(target, safe=_PLAIN)  # a bracket, say, which has its place in a host alone
    path, mark, query = _ENCODED.sub(_decoded, encoded).partition("?")
    return _without_dots(path) + mark + query


def _decoded(found: re.Match[str]) -> str:
    """§6.2.2.2: what need not be encoded is not; §6.2.2.1: digits in upper case."""
    text = chr(int(found[0][1:], 16))
    return text if _UNRESERVED.fullmatch(text) else found[0].upper()


def _without_dots(path: str) -> str:
    """§5.2.4"""
    kept: list[str] = []
    names = path.split("/")[1:]
    for name in names:
        if name == "..":
            del kept[-1:]
        elif name != ".":
            kept.append(name)
    if names[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
