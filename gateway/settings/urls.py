"""User names and passwords in URLs: found where none may be, and never told."""

from __future__ import annotations

import re

_USERINFO = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*@", re.IGNORECASE)
# A password may hold a `/`, `?` or `#` that somebody forgot to encode: what follows the colon is then no port.
_SHOWN_USERINFO = re.compile(
    r"([a-z][a-z0-9+.-]*://)(?:[^/?#]*@|(?:[^/?#@:\[]+:(?!\d*(?:[/?#]|$))|:)\S*@)", re.IGNORECASE
)


def has_credentials(url: str) -> bool:
    """Whether a user name or a password stands before the host of a URL (RFC 3986 §3.2.1)."""
    return _USERINFO.match(url) is not None


def without_credentials(url: str) -> str:
    """A URL as a log line, an error or a report may show it."""
    return _SHOWN_USERINFO.sub(r"\1***@", url)
