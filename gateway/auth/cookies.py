"""What a `Cookie` header holds. Pure."""

from __future__ import annotations


def find_cookie(header: str, name: str) -> str | None:
    """The value of one cookie of a `Cookie` header, as it was sent; the first where it stands twice."""
    for pair in header.split(";"):
        key, equals, value = pair.strip().partition("=")
        if equals and key == name:
            return value
    return None
