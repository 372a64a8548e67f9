"""A short name for a document that does not depend on its literals, for logs, metrics and file names."""

from __future__ import annotations

import hashlib

from gateway.language.normalize import Normalized, normalize


def fingerprint(text: str, normalized: Normalized | None = None) -> str:
    """SHA-256 of the normalized text, first 16 hex digits. Holds no literal, so it may be logged.

    Args:
        text: The document.
        normalized: The same without its literals, where that is known.
    """
    normalized = normalized or normalize(text)
    known = text if normalized is None else normalized.key
    return hashlib.sha256(known.encode(errors="surrogatepass")).hexdigest()[:16]
