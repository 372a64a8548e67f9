"""Lays the connectors of a field or type on the schema, where one of them takes it over from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from graphql import GraphQLField, GraphQLSchema

from gateway.connectors.alternatives import AlternativesLoader
from gateway.connectors.directives import Connect
from gateway.connectors.fallback_loader import FallbackLoader
from gateway.connectors.loaders import ConnectorLoader
from gateway.connectors.overrides import OverrideUse
from gateway.connectors.shadow.bind import ShadowBinder
from gateway.flags.names import flag_of_label
from gateway.graph.loader import Loader
from gateway.graph.overrides import Override, add_override
from gateway.graph.resolvers import BatchField, EntityField

Made = Sequence[tuple[Connect, ConnectorLoader]]
"""Connectors, each with its loader, in the order in which they stand."""


class OverrideBinder:
    """Binds fields to their loaders.

    Args:
        schema: Changed in place.
        uses: The `@override`s, by coordinate.
        shadows: Lets the other source be asked too.
        falls_back: Whether a source that fails is replaced by the one before.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        uses: Mapping[str, OverrideUse],
        shadows: ShadowBinder,
        *,
        falls_back: bool,
    ) -> None:
        self._schema = schema
        self._uses = uses
        self._shadows = shadows
        self._falls_back = falls_back
        self._pairs: dict[tuple[int, int], Loader] = {}

    def bind_field(self, coordinate: str, target: GraphQLField, made: Made) -> None:
        """Let the connectors of a field give it."""
        use = self._uses.get(coordinate)
        own, taking = _sides(made, use)
        _expose(use, (*own, *taking))
        before = _one(own or taking, coordinate, target)
        if use is None or not taking or not own:
            target.resolve = BatchField(before, coordinate)
            return
        after = _one(taking, coordinate, target)
        shown = before
        if not coordinate.startswith(f"{getattr(self._schema.mutation_type, 'name', '')}."):
            shown, compared = self._shadows.pair(coordinate, target.type, before, after)
            after = self._with_fallback(compared, before)
        if use.label is None:
            target.resolve = BatchField(after, coordinate)
            return
        target.resolve = BatchField(shown, coordinate, Override(use.label, after))
        add_override(self._schema, coordinate, use.label)

    def bind_entity(self, name: str, fields: Mapping[str, GraphQLField], made: Made) -> None:
        """Let the connectors of a type supply its fields."""
        use = self._uses.get(name)
        of_type = [one for one in made if one[0].coordinate == name]
        own, taking = _sides(of_type, use)
        _expose(use, (*own, *taking))
        others = [loader for connect, loader in made if connect.coordinate != name]
        order = {id(loader): at for at, (_, loader) in enumerate(made)}
        for field_name, target in fields.items():
            if target.resolve is not None:
                continue
            before, after = (
                sorted(_supplying([*side, *others], field_name), key=lambda one: order[id(one)])
                for side in (own, taking)
            )
            coordinate = f"{name}.{field_name}"
            if not taking or use is None or not after:
                if before:
                    target.resolve = EntityField(tuple(before), field_name, coordinate)
                continue
            if not before or after[0] is before[0]:
                target.resolve = EntityField(tuple(after), field_name, coordinate)
                continue
            owner = self._schema.type_map[name]
            shown, compared = self._shadows.pair(name, owner, before[0], after[0])
            moved = self._with_fallback(compared, before[0])
            if use.label is None:
                target.resolve = EntityField((moved, *after[1:]), field_name, coordinate)
                continue
            override = Override(use.label, moved)
            gives = (shown, *before[1:])
            target.resolve = EntityField(gives, field_name, coordinate, override=override)
            add_override(self._schema, coordinate, use.label)

    def _with_fallback(self, after: Loader, before: Loader) -> Loader:
        """One object for one pair: the fields that it supplies are one step."""
        if not self._falls_back:
            return after
        return self._pairs.setdefault((id(after), id(before)), FallbackLoader(after, before))


def _expose(use: OverrideUse | None, sides: Iterable[ConnectorLoader]) -> None:
    """Who asks either side of a move has met the flag that decides which of them it is."""
    flag = flag_of_label(use.label) if use is not None and use.label is not None else None
    if flag is not None:
        for loader in sides:
            loader.call.exposes |= {flag.name}


def _sides(
    made: Made, use: OverrideUse | None
) -> tuple[list[ConnectorLoader], list[ConnectorLoader]]:
    """Those that had it before, which are all without an `@override`, and those that take it over."""
    own = [loader for connect, loader in made if use is None or use.is_before(connect)]
    return own, [
        loader for connect, loader in made if use is not None and not use.is_before(connect)
    ]


def _one(loaders: Sequence[ConnectorLoader], coordinate: str, target: GraphQLField) -> Loader:
    """The loader of several that give one value."""
    if len(loaders) == 1:
        return loaders[0]
    return AlternativesLoader(loaders, coordinate, target.type)


def _supplying(loaders: Sequence[ConnectorLoader], field: str) -> list[ConnectorLoader]:
    return [
        loader
        for loader in loaders
        if field in (loader.supplies or ()) and field not in (loader.reads or ())
    ]
