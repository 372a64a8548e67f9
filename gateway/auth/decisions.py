"""What the schema's directives ask of a principal, and what they decide for it. Pure: it knows no schema.

A *rule* is one use of `@authenticated`, `@requiresScopes` or `@policy`. A *need* is all rules that something in a
document is under; it is allowed where every one of them is. A *guard* has the rules of one operation: its decisions
are booleans, in its order, and they alone choose what of the operation is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
        given: The variable by which something is given that the rule is about; None where that needs no variable.
    """

    kind: Literal["authenticated", "scopes", "policies"]
    any_of: frozenset[frozenset[str]] = frozenset()
    given: str | None = None

    def allows(self, principal: Principal, policies: Policies) -> bool:
        """Whether a principal may. A policy that nobody decided is false."""
        if self.kind == "authenticated":
            return principal.is_authenticated
        if self.kind == "scopes":
            return any(wanted <= principal.scopes for wanted in self.any_of)
        return any(all(policies.get(name) is True for name in wanted) for wanted in self.any_of)

    def __str__(self) -> str:
        names = " or ".join("+".join(sorted(wanted)) for wanted in sorted(self.any_of, key=sorted))
        by = f" by ${self.given}" if self.given is not None else ""
        return f"{self.kind} {names}".rstrip() + by


Need = frozenset[Rule]
NO_NEED: Need = frozenset()


NO_GIVEN: Mapping[str, Need] = {}


def _is_not_given(rule: Rule, given: Mapping[str, Need]) -> bool:
    """Whether a rule is about something that a variable does not hold. One of which nothing is said may hold it."""
    if rule.given is None or rule.given not in given:
        return False
    return replace(rule, given=None) not in given[rule.given]


class Guard:
    """The rules of one operation.

    Args:
        rules: Each once.

    Attributes:
        policies: Names that have to be decided for each request.
        is_of_variables: Whether what variables hold has a say.
    """

    __slots__ = ("is_of_variables", "policies", "rules")

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
        self.is_of_variables = any(rule.given is not None for rule in self.rules)

    def decide(
        self,
        principal: Principal,
        policies: Policies = NO_POLICIES,
        given: Mapping[str, Need] = NO_GIVEN,
    ) -> Decisions:
        """What is allowed, rule by rule; remembered with the principal where neither policy nor variable has a say.

        Args:
            principal: Who the client is.
            policies: What was decided of each.
            given: What the values of variables need, by the variable.
        """
        if self.policies or self.is_of_variables:
            return tuple(
                _is_not_given(rule, given) or rule.allows(principal, policies)
                for rule in self.rules
            )
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
