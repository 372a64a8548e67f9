"""What may be set for connectors and for the headers that they forward. Plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from gateway.settings.kinds import Bytes, Count

# A control character could end its header and begin another; beyond latin-1 a header has no bytes.
UNSAFE_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSettings:
    """`[connectors]`: how connectors build their requests.

    Attributes:
        config: What `$config` reads, as it stands.
        max_url_bytes: A batch whose URL would be longer is split. 8 KB is what nginx and Apache take.
        max_requests_per_operation_per_source: More end with REQUEST_LIMIT_EXCEEDED and partial data.
    """

    config: dict[str, Any] = field(default_factory=dict)
    max_url_bytes: Bytes = 8_000
    max_requests_per_operation_per_source: Count = 1_000


# Of the connection or of the body as it is sent: never copied from one message to another.
UNSETTABLE = frozenset(
    [
        "connection",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "keep-alive",
        "content-length",
        "content-encoding",
        "accept-encoding",
    ]
)
# These describe the gateway's own request.
NOT_FROM_CLIENT = UNSETTABLE | {"content-type", "accept", "host"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagateHeader:
    """`propagate`: copy headers of the client's request.

    Attributes:
        named: The header. Give this or `matching`.
        matching: A regular expression that its lower-case name matches somewhere.
        rename: Its name in the backend's request; only with `named`.
        default: Its value where the client sent none; only with `named`.
    """

    named: str | None = None
    matching: str | None = None
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
            _check_name(self.rename)
        _check_value(self.default or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertHeader:
    """`insert`: set a header, in place of those of its name.

    Attributes:
        name: The header.
        value: Its value.
    """

    name: str
    value: str

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        _check_name(self.name)
        _check_value(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveHeader:
    """`remove`: take out what the rules before have given.

    Attributes:
        named: The header. Give this or `matching`.
        matching: A regular expression that its lower-case name matches somewhere.
    """

    named: str | None = None
    matching: str | None = None

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        _check_choice(self.named, self.matching)


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
class HeaderRules:
    """`[headers.all]` or `[headers.sources.NAME]`: the headers of requests to backends.

    Attributes:
        request: Applied in order. Headers of the directives stand above what they give.
    """

    request: tuple[HeaderRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderSettings:
    """`[headers]`: what reaches backends beside the directives' own headers.

    Attributes:
        all: Rules for every source.
        sources: Rules by source, applied after those for all.
    """

    all: HeaderRules = field(default_factory=HeaderRules)
    sources: dict[str, HeaderRules] = field(default_factory=dict)

    def rules(self, source: str) -> tuple[HeaderRule, ...]:
        """A source's rules, in order."""
        own = self.sources.get(source)
        return self.all.request + (own.request if own else ())


def _check_choice(named: str | None, matching: str | None) -> None:
    if (named is None) == (matching is None):
        raise ValueError("give one of `named` and `matching`")
    if matching is not None:
        try:
            re.compile(matching)
        except re.error as exc:
            raise ValueError(f"`matching` is no regular expression: {exc}") from exc


def _check_name(name: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"`{name}` is no header name")
    if name.lower() in UNSETTABLE:
        raise ValueError(f"the header {name} cannot be set")


def _check_value(value: str) -> None:
    if UNSAFE_VALUE.search(value):
        raise ValueError("a header value cannot hold control characters, or any beyond latin-1")
