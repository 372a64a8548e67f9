"""What the schema's directives ask of a principal, and what they decide for it. Pure: it knows no schema.

A *rule* is one use of `@authenticated`, `@requiresScopes` or `@policy`. A *need* is all rules that something in a
document is under; it is allowed where every one of them is. A *guard* has the rules of one operation: its decisions
are booleans, in its order, and they alone choose what of the operation is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.auth.principal import Principal

Decisions = tuple[bool, ...]
Policies = Mapping[str, bool | None]
NO_POLICIES: Policies = {}


@dataclass(frozen=True, slots=True)
class Rule:
    """One use of a directive.

    Attributes:
        kind: Which.
        any_of: One of these sets has to be there whole: of scopes, or of policies.
    """

    kind: Literal["authenticated", "scopes", "policies"]
    any_of: frozenset[frozenset[str]] = frozenset()

    def allows(self, principal: Principal, policies: Policies) -> bool:
        """Whether a principal may. A policy that nobody decided is false."""
        if self.kind == "authenticated":
            return principal.is_authenticated
        if self.kind == "scopes":
            return any(wanted <= principal.scopes for wanted in self.any_of)
        return any(all(policies.get(name) is True for name in wanted) for wanted in self.any_of)

    def __str__(self) -> str:
        names = " or ".join("+".join(sorted(wanted)) for wanted in sorted(self.any_of, key=sorted))
        return f"{self.kind} {names}".rstrip()


Need = frozenset[Rule]
NO_NEED: Need = frozenset()


class Guard:
    """The rules of one operation.

    Args:
        rules: Each once.

    Attributes:
        policies: Names that have to be decided for each request.
    """

    __slots__ = ("policies", "rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(sorted(set(rules), key=str))
        named = {
            name
            for rule in self.rules
            if rule.kind == "policies"
            for wanted in rule.any_of
            for name in wanted
        }
        self.policies = tuple(sorted(named))

    def decide(self, principal: Principal, policies: Policies = NO_POLICIES) -> Decisions:
        """What is allowed, rule by rule. Where no policy has a say it is remembered with the principal."""
        if self.policies:
            return tuple(rule.allows(principal, policies) for rule in self.rules)
        known = principal.decisions.get(self)
        if known is None:
            known = tuple(rule.allows(principal, policies) for rule in self.rules)
            if len(principal.decisions) < MOST_REMEMBERED:
                principal.decisions[self] = known
        return known

    def denied(self, decisions: Decisions) -> frozenset[Rule]:
        """The rules that are not met."""
        return frozenset(
            rule for rule, is_met in zip(self.rules, decisions, strict=True) if not is_met
        )


MOST_REMEMBERED = 100
