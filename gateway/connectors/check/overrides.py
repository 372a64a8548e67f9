"""Holds each `@override` against the connectors that it stands beside: who had the field, who takes it, by which label.

It sends nothing and decides no label.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from graphql import GraphQLSchema, get_named_type

from gateway.connectors.check.mappings import Findings
from gateway.connectors.check.reachable_fields import Supply
from gateway.connectors.directives import Connect, Directives
from gateway.connectors.mapping.analyse import read_paths
from gateway.connectors.mapping.members import NOTHING, Members
from gateway.connectors.overrides import OverrideUse
from gateway.connectors.walk import request_selections
from gateway.override.labels import check_label
from gateway.settings.suggestions import suggest_or_list


class OverrideCheck:
    """Checks the `@override`s of a schema.

    Args:
        findings: What is wrong is added to them.
        schema: As built.
        directives: Its connectors.
        uses: Its `@override`s.
        resolved: Coordinates that a Python function resolves.
    """

    def __init__(
        self,
        findings: Findings,
        schema: GraphQLSchema,
        directives: Directives,
        uses: Mapping[str, OverrideUse],
        resolved: Collection[str],
    ) -> None:
        self.findings = findings
        self.schema = schema
        self.directives = directives
        self.uses = uses
        self.resolved = resolved

    def check(self, supply: Supply) -> list[OverrideUse]:
        """All of them; those that stand between two sides."""
        placed = []
        for use in self.uses.values():
            self.label(use)
            if self.is_placed(use) and self.is_known(use):
                self.sides(use, supply)
                placed.append(use)
        return placed

    def label(self, use: OverrideUse) -> None:
        """The grammar of the label, and that a write does not move alone."""
        try:
            check_label(use.label or "percent(0)")
        except ValueError as exc:
            self.findings.at(use.node, "OverrideLabelInvalid", str(exc))
        mutation = getattr(self.schema.mutation_type, "name", None)
        if use.label is None or use.coordinate.partition(".")[0] != mutation:
            return
        reads = [
            other
            for other in self.uses.values()
            if other.coordinate.partition(".")[0] != mutation
            and (other.label, other.from_) == (use.label, use.from_)
        ]
        if not reads:
            message = f"{use.coordinate} would write to another source than what is read from"
            hint = f'override the reads of it too, from "{use.from_}" with the label "{use.label}"'
            self.findings.at(use.node, "OverrideOnMutation", message, hint)

    def is_placed(self, use: OverrideUse) -> bool:
        """Whether something can be overridden there."""
        owner = use.coordinate.partition(".")[0]
        connects = self.connects(use)
        problem, hint = "", "put it on a field or type with a @connect for each of the two sources"
        if use.on_interface:
            problem = f"{use.coordinate} is of an interface, which no connector gives"
            hint = "put it on the fields of the implementing types"
        elif self.schema.subscription_type and owner == self.schema.subscription_type.name:
            problem = "a subscription has one source of events"
        elif use.coordinate in self.resolved:
            problem = f"a Python function resolves {use.coordinate}, and no connector"
        elif any(connect.entity and not connect.on_type for connect in connects):
            problem = (
                "it would move the field, and not the type that `entity: true` completes by it"
            )
            hint = "put the @override and both @connect on the type"
        elif len(connects) < 2:
            problem = f"{use.coordinate} has {len(connects) or 'no'} connector to choose from"
        if problem:
            self.findings.at(use.node, "OverrideMisplaced", problem, hint)
        return not problem

    def is_known(self, use: OverrideUse) -> bool:
        """Whether `from` names one of the two sides, and leaves another."""
        connects = self.connects(use)
        before = [connect for connect in connects if use.is_before(connect)]
        if before and len(before) < len(connects):
            return True
        names = [name for c in connects for name in (c.source, c.id) if name]
        if before:
            message = f"every connector of {use.coordinate} is of `{use.from_}`"
            hint = "give one of them another source, or an id"
        else:
            message = f"no connector of {use.coordinate} is of `{use.from_}`"
            hint = suggest_or_list(use.from_, names)
        self.findings.at(use.node, "OverrideSourceUnknown", message, hint)
        return False

    def sides(self, use: OverrideUse, supply: Supply) -> None:
        """Both sides have to give the same, and for a type by the same key."""
        connects = self.connects(use)
        before = [connect for connect in connects if use.is_before(connect)]
        after = [connect for connect in connects if not use.is_before(connect)]
        keys = [self.keys(side) for side in (before, after)]
        if use.coordinate in self.schema.type_map and keys[0] != keys[1]:
            message = (
                f"an object that is known by {_listed(keys[0])} cannot be asked for by "
                f"{_listed(keys[1])}"
            )
            hint = "let both connectors read the same fields of $this or $batch"
            self.findings.at(use.node, "OverrideKeysDiffer", message, hint)
        kind = self.kind_of(use)
        given = [self.supplied(side, kind, supply) - keys[0] - keys[1] for side in (before, after)]
        for side, lacking in ((before, given[1] - given[0]), (after, given[0] - given[1])):
            if lacking:
                message = f"`{side[0].source or side[0].id}` does not supply {_listed(lacking)}"
                hint = f"both sides of {use.coordinate} have to map the same fields"
                self.findings.at(side[0].node, "OverrideSidesDiffer", message, hint)

    def connects(self, use: OverrideUse) -> list[Connect]:
        """The connectors that it stands beside."""
        return [c for c in self.directives.connects if c.coordinate == use.coordinate]

    def kind_of(self, use: OverrideUse) -> Any:
        """The type of what the connectors give."""
        owner, _, name = use.coordinate.partition(".")
        type_: Any = self.schema.type_map[owner]
        return get_named_type(type_.fields[name].type) if name else type_

    def keys(self, side: Sequence[Connect]) -> set[str]:
        """What the requests of a side read of an object."""
        found: set[str] = set()
        for connect in side:
            for _, _, selection in request_selections(connect, self.directives.spec):
                for variable in ("this", "batch"):
                    found.update(_paths(read_paths(selection).get(variable, NOTHING)))
        return found

    def supplied(self, side: Sequence[Connect], kind: Any, supply: Supply) -> set[str]:
        """The fields that a side supplies."""
        return {path for c in side for path in _fields(supply.of(c), kind)}


def _paths(members: Members) -> Iterator[str]:
    for name, inner in members.members.items():
        yield from (f"{name}.{path}" for path in _paths(inner)) if inner.members else (name,)


def _fields(members: Members, kind: Any) -> Iterator[str]:
    """The fields of a type that a mapping makes; an abstract type's are those of its objects."""
    fields = getattr(kind, "fields", None)
    for name, inner in members.members.items():
        if fields is None or name in fields:
            yield name
            below = get_named_type(fields[name].type) if fields is not None else None
            yield from (f"{name}.{path}" for path in _fields(inner, below))


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
