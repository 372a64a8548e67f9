"""What of a client an execution may depend on: the rule that says who may share one with whom.

Two clients are in one *partition* of an execution when everything that it may read of them is equal. An
execution that is shared sees nothing else: its context holds the partition's headers alone, so that what
was forgotten here is absent there, never somebody else's. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

NONE: frozenset[str] = frozenset()

HeaderValues = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Identity:
    """The headers of a client that count.

    Attributes:
        headers: Names in lower case.
        patterns: Regular expressions of further names.
        cookies: Names of cookies that count, where the cookie header as a whole does not.
    """

    headers: frozenset[str] = NONE
    patterns: frozenset[str] = NONE
    cookies: frozenset[str] = NONE

    def joined(self, other: Identity) -> Identity:
        """What counts for either."""
        return Identity(
            self.headers | other.headers,
            self.patterns | other.patterns,
            self.cookies | other.cookies,
        )

    def view(self, values: HeaderValues) -> dict[str, list[str]]:
        """A client's headers without those that do not count."""
        seen = {name: list(values[name]) for name in sorted(self.headers) if name in values}
        for pattern in self.patterns:
            seen |= {n: list(v) for n, v in values.items() if re.search(pattern, n)}
        if self.cookies and "cookie" not in seen:
            kept = [
                f"{name}={value}"
                for name in sorted(self.cookies)
                if (value := find_cookie("; ".join(values.get("cookie", ())), name)) is not None
            ]
            if kept:
                seen["cookie"] = ["; ".join(kept)]
        return seen


NOBODY = Identity()
"""Of an execution that reads nothing of its client."""


def joined(identities: Iterable[Identity | None]) -> Identity | None:
    """What counts for any of them; None when it is not known of one."""
    whole = NOBODY
    for identity in identities:
        if identity is None:
            return None
        if identity is not NOBODY:
            whole = whole.joined(identity)
    return whole


def partition(view: Mapping[str, Sequence[str]]) -> Hashable:
    """The key of the partition that a view's clients are in."""
    return tuple((name, tuple(values)) for name, values in sorted(view.items())) if view else ()


def find_cookie(header: str, name: str) -> str | None:
    """The value of one cookie of a `Cookie` header, as it was sent; the first where it stands twice."""
    for pair in header.split(";"):
        key, equals, value = pair.strip().partition("=")
        if equals and key == name:
            return value
    return None
