"""The reference's rules of validation, run as one: the same visitors in the same order, without the empty calls.

graphql-core looks up each rule's method for each kind of node anew for every document, and calls through a list
of all rules at every node. Here a table says once which rules have a method for a kind; and rules about
variables or directives are left out of documents that have no `$` or no `@`.
"""

from __future__ import annotations

from functools import cache, lru_cache
from inspect import signature
from typing import Any

from graphql import (
    ASTValidationRule,
    FragmentDefinitionNode,
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    TypeInfoVisitor,
    UniqueVariableNamesRule,
    VariablesAreInputTypesRule,
    VariablesInAllowedPositionRule,
    specified_rules,
    visit,
)
from graphql.language.ast import QUERY_DOCUMENT_KEYS
from graphql.language.visitor import BREAK, SKIP, EnterLeaveVisitor
from graphql.validation import ValidationContext
from graphql.validation.validation_context import VariableUsage, VariableUsageVisitor

Rule = type[ASTValidationRule]
Names = tuple[tuple[int, str], ...]
Keys = dict[str, tuple[str, ...]]
OF_VARIABLES: frozenset[Rule] = frozenset(
    {
        NoUndefinedVariablesRule,
        NoUnusedVariablesRule,
        UniqueVariableNamesRule,
        VariablesAreInputTypesRule,
        VariablesInAllowedPositionRule,
    }
)
# By name: graphql-core 3.2 has no rules about @defer and @stream.
OF_DIRECTIVES: frozenset[Rule] = frozenset(
    rule
    for rule in specified_rules
    if rule.__name__
    in (
        "DeferStreamDirectiveLabel",
        "DeferStreamDirectiveOnRootField",
        "DeferStreamDirectiveOnValidOperationsRule",
        "KnownDirectivesRule",
        "StreamDirectiveOnListField",
        "UniqueDirectivesPerLocationRule",
    )
)
# Of a fragment, variables of its own are used too: graphql-core 3.3.
HAS_FRAGMENT_VARIABLES = "fragment_definition" in signature(VariableUsageVisitor).parameters


# What a context remembers of nodes. As keys of a dict they are hashed with all that is below them, each time.
BY_NODE = ("_fragment_spreads", "_recursive_variable_usages")


class ByIdentity(dict[Any, Any]):
    """What is known of nodes, each by its identity. It keeps them: a rule may ask about a node that it made."""

    def get(self, node: Any, default: Any = None) -> Any:
        """As a dict's."""
        found = super().get(id(node))
        return default if found is None else found[1]

    def __setitem__(self, node: Any, value: Any) -> None:
        super().__setitem__(id(node), (node, value))


class UsedVariables:
    """The variables that stand in a definition itself: as `ValidationContext.get_variable_usages`."""

    def __init__(self, context: ValidationContext, keys: Keys) -> None:
        self._type_info = context._type_info
        self._known = ByIdentity()
        self._keys = keys

    def __call__(self, node: Any) -> list[VariableUsage]:
        usages: list[VariableUsage] | None = self._known.get(node)
        if usages is None:
            fragment = node if isinstance(node, FragmentDefinitionNode) else None
            more = (fragment,) if HAS_FRAGMENT_VARIABLES else ()
            visitor = VariableUsageVisitor(self._type_info, *more)
            visit(node, TypeInfoVisitor(self._type_info, visitor), self._keys)
            usages = self._known[node] = visitor.usages
        return usages


class Together(ASTValidationRule):
    """Some rules as one visitor; a subclass says which, and what is walked for them."""

    rules: tuple[Rule, ...] = ()
    keys: Keys = QUERY_DOCUMENT_KEYS

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        for name in BY_NODE:
            setattr(context, name, ByIdentity())
        context.get_variable_usages = UsedVariables(context, self.keys)  # type: ignore[method-assign]
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


@lru_cache
def as_one(rules: tuple[Rule, ...]) -> tuple[type[Together]]:
    """Rules of a caller's own choice as one: the same errors, in the same order."""
    return (type("Together", (Together,), {"rules": rules, "keys": keys_for(True)}),)


@cache
def keys_for(has_directives: bool) -> Keys:
    """What is walked of a node.

    Half of all nodes are names, which no rule looks at: their owners' methods do. Descriptions are never validated.
    """
    unseen = {"name", "alias", "description"} | (set() if has_directives else {"directives"})
    return {
        kind: tuple(key for key in members if key not in unseen)
        for kind, members in QUERY_DOCUMENT_KEYS.items()
    }


@cache
def rules_for(has_variables: bool, has_directives: bool) -> tuple[type[Together]]:
    """What a document is validated by: all rules that could find something in it, as one."""
    left_out: frozenset[Rule] = frozenset()
    if not has_variables:
        left_out |= OF_VARIABLES
    if not has_directives:
        left_out |= OF_DIRECTIVES
    chosen = tuple(rule for rule in specified_rules if rule not in left_out)
    return (type("Together", (Together,), {"rules": chosen, "keys": keys_for(has_directives)}),)
