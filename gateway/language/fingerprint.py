"""A short name for a document that does not depend on its literals, for logs, metrics and file names."""

from __future__ import annotations

import hashlib

from gateway.language.normalise import normalise


def fingerprint(text: str) -> str:
    """SHA-256 of the normalised text, first 16 hex digits. Holds no literal, so it may be logged."""
    normalised = normalise(text)
    known = text if normalised is None else normalised.key
    return hashlib.sha256(known.encode(errors="surrogatepass")).hexdigest()[:16]
