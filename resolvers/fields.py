"""Single fields: plain functions, one that blocks, a scalar and a directive of the demo's own."""

from __future__ import annotations

import hashlib
from typing import Any

from gateway import Context, resolver, scalar, schema_directive


@resolver("Video.url", vary=())
def url(parent: Any, context: Context) -> str:
    """Where to watch a video, below the address that the configuration gives."""
    return f"{context.config['watch_url']}/{parent['id']}"


@resolver("Collection.coverUrl", vary=())
def cover_url(parent: Any, _context: Context) -> str:
    """Where a collection's picture is."""
    return f"https://images.videos.example/{parent['id']}.webp"


@resolver("Video.fingerprint", blocking=True, vary=())
def fingerprint(parent: Any, _context: Context) -> str:
    """Key stretching takes its time, hence a thread."""
    return hashlib.pbkdf2_hmac("sha256", parent["id"].encode(), b"demo", 10_000).hex()[:16]


@scalar("Duration")
class Duration:
    """Seconds as ISO 8601 writes a length of time."""

    @staticmethod
    def serialize(value: Any) -> str:
        """Shape: 3723 gives PT1H2M3S, 0 gives PT0S."""
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"Duration cannot represent value: {value!r}")
        minutes, seconds = divmod(value, 60)
        hours, minutes = divmod(minutes, 60)
        parts = ((hours, "H"), (minutes, "M"), (seconds, "S"))
        return "PT" + ("".join(f"{number}{unit}" for number, unit in parts if number) or "0S")


@schema_directive("upper", vary=())
class Upper:
    """`@upper`: the field's text in capital letters."""

    def result(self, value: Any, _context: Context) -> Any:
        """The value in capitals; what is no text stays."""
        return value.upper() if isinstance(value, str) else value
