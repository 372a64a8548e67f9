"""The ordered rules of `[headers]` for answers: which headers of a backend's answer the operation's own answer gets.

Headers that describe an answer itself are never copied, whatever a rule matches, and cookies only where a rule names
them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.client.vary import VARY_NONE, Vary
from gateway.connectors.header_rule_settings import (
    PropagateResponseHeader,
    ResponseHeaderRule,
    matches,
)
from gateway.response_headers import (
    CACHE_CONTROL,
    NO_STORE,
    SET_COOKIE,
    Passed,
    made_private,
)
from gateway.settings.headers import UNSAFE_VALUE, connection_options, is_to_client
from gateway.telemetry.records import members
from gateway.upstream.cache.directives import age_of
from gateway.upstream.transport import Header

logger = logging.getLogger("gateway.connectors")


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """What of a source's answers goes on to the client.

    Attributes:
        source: Its name, for the log.
        rules: Applied in order.
        vary: What the calls read of the client; None when that is all of it.
    """

    source: str
    rules: tuple[ResponseHeaderRule, ...]
    vary: Vary | None

    def apply(self, answer: Sequence[Header]) -> list[Passed]:
        """What one answer gives."""
        found: list[Passed] = []
        for rule in self.rules:
            if rule.propagate is not None:
                found += [self._checked(passed) for passed in _taken(rule.propagate, answer)]
            elif rule.insert is not None:
                name = rule.insert.name.lower()
                found = [passed for passed in found if passed.name != name]
                found.append(Passed(name, rule.insert.value, "last"))
            elif rule.remove is not None:
                found = [passed for passed in found if not rule.remove.fits(passed.name)]
        return [self._personal(passed) for passed in dict.fromkeys(found)]

    def _checked(self, passed: Passed) -> Passed:
        """A backend's value could end its header and begin another."""
        if not UNSAFE_VALUE.search(passed.value):
            return passed
        logger.warning(
            "control characters are removed from the source's header %s",
            passed.name,
            extra=members(source=self.source),
        )
        return passed._replace(value=UNSAFE_VALUE.sub("", passed.value))

    def _personal(self, passed: Passed) -> Passed:
        """What depends on the client is for no cache that others ask."""
        if passed.name != CACHE_CONTROL or self.vary == VARY_NONE:
            return passed
        return passed._replace(value=made_private(passed.value))


def _taken(rule: PropagateResponseHeader, answer: Sequence[Header]) -> list[Passed]:
    if rule.named is None:
        age = age_of(answer)
        hop = connection_options(value for name, value in answer if name == "connection")
        return [
            Passed(
                name, aged(value, age) if name == CACHE_CONTROL else value, rule.algorithm_for(name)
            )
            for name, value in answer
            if name != SET_COOKIE
            and name not in hop
            and is_to_client(name)
            and matches(None, rule.matching, name)
        ]
    name = (rule.rename or rule.named).lower()
    algorithm = rule.algorithm_for(name)
    values = [value for known, value in answer if known == rule.named.lower()]
    if not values and rule.default is not None:
        values = [rule.default]
    if not values and algorithm == "most_restrictive_cache_control":
        values = [NO_STORE]  # what says nothing may be kept by nobody
    if name == CACHE_CONTROL and (age := age_of(answer)):
        values = [aged(value, age) for value in values]
    return [Passed(name, value, algorithm) for value in values]


_LIFETIME = re.compile(r"\b((?:s-)?max-?age=)\"?(\d+)\"?", re.IGNORECASE)


def aged(cache_control: str, age_s: int) -> str:
    """The same for an answer that has been under way, or kept, for so long: what is left of its lifetime."""
    return _LIFETIME.sub(
        lambda found: f"{found[1]}{max(0, int(found[2][:10]) - age_s)}", cache_control
    )
