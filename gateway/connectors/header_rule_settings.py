"""What one rule of `[headers]` may say, of requests to backends and of answers to clients.

Plain data, which must not apply itself: `request/header_rules.py` and `response/passed_headers.py` do that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from gateway.client.vary import vary_of_names
from gateway.response_headers import CACHE_CONTROL, SET_COOKIE, Algorithm, algorithm_of
from gateway.settings.headers import (
    NOT_FROM_CLIENT,
    check_answer_name,
    check_name,
    check_value,
    is_to_client,
)
from gateway.settings.kinds import HeaderName, HeaderPattern


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagateHeader:
    """`propagate`: copy headers of the client's request.

    Attributes:
        named: The header. Give this or `matching`.
        matching: A regular expression that its lower-case name matches somewhere. Headers that the message's
            `Connection` names are not meant.
        rename: Its name in the backend's request; only with `named`.
        default: Its value where the client sent none; only with `named`.
    """

    named: HeaderName | None = None
    matching: HeaderPattern | None = None
    rename: str | None = None
    default: str | None = None

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        _check_choice(self.named, self.matching)
        if self.matching is not None and (self.rename or self.default):
            raise ValueError("`rename` and `default` go with `named` only")
        if self.named is not None and self.named.lower() in NOT_FROM_CLIENT:
            raise ValueError(f"the header {self.named} cannot be propagated")
        if self.rename is not None:
            check_name(self.rename)
        check_value(self.default or "")


@cache
def _member_of(name: str) -> str:
    """What `$principal.id` or `$request.claims.tenant` names."""
    (member,) = vary_of_names([name]).principal
    return member


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertHeader:
    """`insert`: set a header, in place of those of its name.

    Attributes:
        name: The header.
        value: Its value. Give this or `value_from`.
        value_from: What of the principal is its value: `$principal.id`, `$principal.scopes`,
            `$request.claims.tenant`; empty where it has none.
    """

    name: str
    value: str | None = field(default=None, repr=False)
    value_from: str | None = None

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        check_name(self.name)
        check_value(self.value or "")
        if (self.value is None) == (self.value_from is None):
            raise ValueError("give `value` or `value_from`")
        if self.value_from is not None and not vary_of_names([self.value_from]).principal:
            raise ValueError("`value_from` is $principal.NAME or $request.claims.NAME")

    @property
    def member(self) -> str | None:
        """The member of the principal that is its value; None for a fixed one."""
        return None if self.value_from is None else _member_of(self.value_from)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveHeader:
    """`remove`: take out what the rules before have given.

    Attributes:
        named: The header. Give this or `matching`.
        matching: A regular expression that its lower-case name matches somewhere.
    """

    named: HeaderName | None = None
    matching: HeaderPattern | None = None

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        _check_choice(self.named, self.matching)

    def fits(self, name: str) -> bool:
        """Whether a header is one of those, by its lower-case name."""
        return matches(self.named, self.matching, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRule:
    """One of `[[headers.all.request]]` or `[[headers.sources.NAME.request]]`: a rule, exactly one of the three.

    Rules are applied in the order in which they stand; those of a source after those for all.

    Attributes:
        propagate: Copy from the client's request.
        insert: Set.
        remove: Take out.
    """

    propagate: PropagateHeader | None = None
    insert: InsertHeader | None = None
    remove: RemoveHeader | None = None

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if [self.propagate, self.insert, self.remove].count(None) != 2:
            raise ValueError("a rule is one of `propagate`, `insert` and `remove`")


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagateResponseHeader:
    """`propagate`: copy headers of a backend's answer.

    Attributes:
        named: The header. Give this or `matching`.
        matching: A regular expression that its lower-case name matches somewhere; never `Set-Cookie`,
            which is copied by its name only.
        rename: Its name in the answer to the client; only with `named`.
        default: Its value where the backend's answer has none; only with `named`, and not for a `Set-Cookie` or
            `Cache-Control`, which would be the same for everybody.
        algorithm: What several calls of one operation make of it: the value of the `first` or of the `last` of
            them, in the order in which they begin; all of them (`append`); or one Cache-Control that allows no more
            than each does (`most_restrictive_cache_control`, in which an answer without the header allows nothing).
            By default `Set-Cookie` is appended, `Cache-Control` the most restrictive, and the last value any other.
        calls: Of which calls: of `all`, or of `writes` alone, those of mutations. Operations that read from such
            a source are shared between clients only with `writes`.
    """

    named: HeaderName | None = None
    matching: HeaderPattern | None = None
    rename: str | None = None
    default: str | None = None
    algorithm: Algorithm | None = None
    calls: Literal["all", "writes"] = "all"

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        _check_choice(self.named, self.matching)
        if self.matching is not None and (self.rename or self.default):
            raise ValueError("`rename` and `default` go with `named` only")
        if self.named is not None and not is_to_client(self.named.lower()):
            raise ValueError(f"the header {self.named} of an answer is the gateway's own")
        if self.rename is not None:
            check_answer_name(self.rename)
        check_value(self.default or "")
        name = (self.rename or self.named or "").lower()
        if self.algorithm == "most_restrictive_cache_control" and name != CACHE_CONTROL:
            raise ValueError(
                '`most_restrictive_cache_control` goes with `named = "cache-control"` only'
            )
        if name == SET_COOKIE and self.algorithm not in (None, "append"):
            raise ValueError("`set-cookie` is appended: each of them sets a cookie of its own")
        if self.default is not None:
            _check_may_be_fixed(name)

    def algorithm_for(self, name: str) -> Algorithm:
        """How a header of a lower-case name meets those of other answers."""
        return self.algorithm or algorithm_of(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertResponseHeader:
    """`insert`: set a header of the answer to the client, in place of those of its name.

    Attributes:
        name: The header.
        value: Its value.
    """

    name: str
    value: str = field(repr=False)

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        check_answer_name(self.name)
        check_value(self.value)
        _check_may_be_fixed(self.name.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHeaderRule:
    """One of `[[headers.all.response]]` or `[[headers.sources.NAME.response]]`: exactly one of the three.

    They are applied to the answer of each call, in the order in which they stand; those of a source after those for
    all. Operations that read from a source with a `propagate` are not shared between clients.

    Attributes:
        propagate: Copy from the backend's answer.
        insert: Set. Of `headers.all`: on every answer of the endpoint; of a source: where it was called.
        remove: Take out what the rules before have given.
    """

    propagate: PropagateResponseHeader | None = None
    insert: InsertResponseHeader | None = None
    remove: RemoveHeader | None = None

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if [self.propagate, self.insert, self.remove].count(None) != 2:
            raise ValueError("a rule is one of `propagate`, `insert` and `remove`")


def matches(named: str | None, matching: str | None, name: str) -> bool:
    """Whether a rule's header, or its regular expression, is a header's lower-case name."""
    if named is not None:
        return named.lower() == name
    return matching is not None and re.search(matching, name) is not None


def _check_may_be_fixed(name: str) -> None:
    """One cookie for everybody is a session that everybody shares; a Cache-Control is each answer's own."""
    if name in (SET_COOKIE, CACHE_CONTROL):
        raise ValueError(f"a {name} that is the same for everybody: a backend's answer gives it")


def _check_choice(named: str | None, matching: str | None) -> None:
    if (named is None) == (matching is None):
        raise ValueError("give one of `named` and `matching`")
