"""What a flag is for one client: data that a request carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class DecidedFlag(NamedTuple):
    """A flag as it was decided for a request.

    Attributes:
        value: JSON.
        variant: Its name; the value's text where the provider names none.
        reason: OpenFeature's: STATIC, DEFAULT, TARGETING_MATCH, SPLIT, DISABLED, CACHED, STALE, ERROR, …
    """

    value: Any
    variant: str
    reason: str


DecidedFlags = Mapping[str, DecidedFlag]
