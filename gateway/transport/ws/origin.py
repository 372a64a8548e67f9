"""Whether a page of another site may open a WebSocket: browsers ask nobody before they do, and send cookies."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def is_allowed_origin(
    origin: str | None, host: str | None, allowed: Collection[str], scheme: str = ""
) -> bool:
    """Whether a handshake may go on.

    Args:
        origin: The header; None from what is no browser.
        host: What the client asked: the header `Host`, or what a trusted proxy says. Any other proxy that changes it
            needs `allowed` origins.
        allowed: Origins beside the gateway's own.
        scheme: `http` or `https`, as the client has it; "" where that is not known, and then a page's own says which
            port a host leaves out.
    """
    if origin is None or "*" in allowed or origin.lower() in {item.lower() for item in allowed}:
        return True
    try:
        page = urlsplit(origin)
        if scheme and page.scheme != scheme:
            return False
        port = page.port or DEFAULT_PORTS.get(page.scheme)
        here = urlsplit(f"//{host or ''}")
        return (
            page.hostname is not None
            and page.hostname == here.hostname
            and port == (here.port or DEFAULT_PORTS.get(page.scheme))
        )
    except ValueError:
        return False
