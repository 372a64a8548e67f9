"""What may be set for connectors and for the headers that pass between clients and backends. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.connectors.header_rule_settings import HeaderRule, ResponseHeaderRule
from gateway.settings.kinds import Bytes, Count


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSettings:
    """`[connectors]`: how connectors build their requests.

    Attributes:
        config: The values of `$config` in mappings.
        max_url_bytes: Longest URL of a batch; a longer batch is split. nginx and Apache accept 8 KB.
        max_requests_per_operation_per_source: Calls to one source per operation; further ones fail with
            REQUEST_LIMIT_EXCEEDED.
    """

    config: dict[str, Any] = field(default_factory=dict)
    max_url_bytes: Bytes = 8_000
    max_requests_per_operation_per_source: Count = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRules:
    """`[headers.all]` or `[headers.sources.NAME]`: the headers of requests to backends, and of answers to clients.

    Attributes:
        request: Applied in order. Headers of the directives stand above what they give.
        response: Applied in order. Headers that a resolver sets stand above what they give.
    """

    request: tuple[HeaderRule, ...] = ()
    response: tuple[ResponseHeaderRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderSettings:
    """`[headers]`: what reaches backends beside the directives' own headers, and clients beside the gateway's own.

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

    def response_rules(self, source: str, *, is_read: bool) -> tuple[ResponseHeaderRule, ...]:
        """What is done with the headers of a source's answers, in order; what is inserted everywhere is not among it.

        Args:
            source: Its name.
            is_read: Whether the calls are reads.
        """
        own = self.sources.get(source)
        rules = [rule for rule in self.all.response if rule.insert is None]
        rules += own.response if own else ()
        return tuple(
            rule
            for rule in rules
            if rule.propagate is None or not is_read or rule.propagate.calls == "all"
        )

    def inserted(self) -> dict[str, str]:
        """What every answer of the endpoint has, by lower-case name."""
        found: dict[str, str] = {}
        for rule in self.all.response:
            if rule.insert is not None:
                found[rule.insert.name.lower()] = rule.insert.value
            elif rule.remove is not None:
                found = {n: v for n, v in found.items() if not rule.remove.fits(n)}
        return found

    def propagates(self, source: str) -> bool:
        """Whether an answer to a client may have headers of this source's answers to reads."""
        rules = self.response_rules(source, is_read=True)
        return any(rule.propagate is not None for rule in rules)
