"""The reference's rules of validation, run as one: the same visitors in the same order, without the empty calls.

graphql-core looks up each rule's method for each kind of node anew for every document, and calls through a list
of all rules at every node. Here a table says once which rules have a method for a kind; and rules about
variables or directives are left out of documents that have no `$` or no `@`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from graphql import (
    ASTValidationRule,
    KnownDirectivesRule,
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    UniqueDirectivesPerLocationRule,
    UniqueVariableNamesRule,
    VariablesAreInputTypesRule,
    VariablesInAllowedPositionRule,
    specified_rules,
)
from graphql.language.visitor import BREAK, SKIP, EnterLeaveVisitor
from graphql.validation import (
    DeferStreamDirectiveLabel,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    StreamDirectiveOnListField,
    ValidationContext,
)

Rule = type[ASTValidationRule]
Names = tuple[tuple[int, str], ...]
OF_VARIABLES: frozenset[Rule] = frozenset(
    {
        NoUndefinedVariablesRule,
        NoUnusedVariablesRule,
        UniqueVariableNamesRule,
        VariablesAreInputTypesRule,
        VariablesInAllowedPositionRule,
    }
)
OF_DIRECTIVES: frozenset[Rule] = frozenset(
    {
        DeferStreamDirectiveLabel,
        DeferStreamDirectiveOnRootField,
        DeferStreamDirectiveOnValidOperationsRule,
        KnownDirectivesRule,
        StreamDirectiveOnListField,
        UniqueDirectivesPerLocationRule,
    }
)


class Together(ASTValidationRule):
    """Some rules as one visitor; a subclass says which."""

    rules: tuple[Rule, ...] = ()

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._visitors = [rule(context) for rule in self.rules]
        # Which rules leave out what is below a node (the node), or have had enough (BREAK).
        self._skipping: dict[int, Any] = {}

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        """The methods of those rules that have some for this kind of node."""
        known = self.enter_leave_map.get(kind)
        if known is None:
            known = self.enter_leave_map[kind] = self._merged(kind)
        return known

    def _merged(self, kind: str) -> EnterLeaveVisitor:
        visitors, skipping = self._visitors, self._skipping
        enters = [(i, getattr(visitors[i], name)) for i, name in names(self.rules, "enter", kind)]
        leaves = [(i, getattr(visitors[i], name)) for i, name in names(self.rules, "leave", kind)]

        def enter(node: Any, *args: Any) -> Any:
            for index, function in enters:
                if skipping and index in skipping:
                    continue
                result = function(node, *args)
                if result is not None and not _note(skipping, index, result, node):
                    return result
            return None

        def leave(node: Any, *args: Any) -> Any:
            for index, function in leaves:
                if skipping and index in skipping:
                    continue
                result = function(node, *args)
                if result is not None and not _note(skipping, index, result, None):
                    return result
            if skipping:
                for index in [index for index, where in skipping.items() if where is node]:
                    del skipping[index]
            return None

        return EnterLeaveVisitor(enter if enters else None, leave if enters or leaves else None)


def _note(skipping: dict[int, Any], index: int, result: Any, node: Any) -> bool:
    """Keep what a rule wants to see no more of; False for a result that is for the walk itself."""
    if result is BREAK or result is True:
        skipping[index] = BREAK
    elif result is SKIP or result is False:
        if node is not None:
            skipping[index] = node
    else:
        return False
    return True


@cache
def names(rules: tuple[Rule, ...], when: str, kind: str) -> Names:
    """Which of the rules have a method for a kind, and what it is called."""
    found = []
    for index, rule in enumerate(rules):
        for name in (f"{when}_{kind}", when):
            if callable(getattr(rule, name, None)):
                found.append((index, name))
                break
    return tuple(found)


@cache
def rules_for(has_variables: bool, has_directives: bool) -> tuple[type[Together]]:
    """What a document is validated by: all rules that could find something in it, as one."""
    left_out: frozenset[Rule] = frozenset()
    if not has_variables:
        left_out |= OF_VARIABLES
    if not has_directives:
        left_out |= OF_DIRECTIVES
    chosen = tuple(rule for rule in specified_rules if rule not in left_out)
    return (type("Together", (Together,), {"rules": chosen}),)
