"""What a document may ask for: bounds that are checked before anything is planned. Plain data and pure checks.

Source: the advisories that each bound answers are named beside it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`[limits]`: what a document may ask for.

    Attributes:
        max_document_bytes: Size of the document's text.
        max_tokens: Tokens of a document, comments included (CVE-2026-75508).
        max_validation_errors: Validation stops after so many errors.
    """

    max_document_bytes: int = 20_000
    max_tokens: int = 2_000
    max_validation_errors: int = 5
