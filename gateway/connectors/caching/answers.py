"""What a connector's answers hold, by the schema: for how long they may be kept, whose they are, which tags they have.

It walks the fields that the connector's selection supplies, once, when the connector is bound; and the values that
an answer maps to, each time that one is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_abstract_type,
)

from gateway.connectors.caching.hints import NO_HINT, Hint, read_hint
from gateway.connectors.caching.tag_format import TagFormat
from gateway.connectors.mapping.members import Members

Path = tuple[str, ...]


@dataclass(slots=True)
class AnswerHints:
    """What the schema says of the answers of one connector, its own field and all that is below.

    Attributes:
        max_age_s: The least of all that is said; None where nothing is.
        is_private: Whether some of it is one principal's.
        types: The object types that are in it, for people and purges.
        of_rows: By the path of objects in an answer's value, and by their type, the tags of each object.
        because: What says so, for people: coordinates.
        seen: The coordinates whose hints count in it.
        unset: By coordinate and format, members of `$key` that the selection does not give.
    """

    max_age_s: int | None = None
    is_private: bool = False
    types: list[str] = field(default_factory=list)
    of_rows: dict[Path, list[tuple[str, TagFormat]]] = field(default_factory=dict)
    because: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    unset: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def add(self, coordinate: str, hint: Hint) -> None:
        """Let a hint count."""
        self.seen.add(coordinate)
        if hint.max_age_s is not None and (
            self.max_age_s is None or hint.max_age_s < self.max_age_s
        ):
            self.max_age_s = hint.max_age_s
            self.because["max_age"] = coordinate
        if hint.is_private:
            self.is_private = True
            self.because.setdefault("scope", coordinate)

    def add_tags(
        self, coordinate: str, path: Path, type_name: str, tags: Iterable[TagFormat], given: Members
    ) -> None:
        """Let the objects at a path have tags.

        Args:
            coordinate: What says so.
            path: Of the objects.
            type_name: Of those that have them; "" for all.
            tags: Their formats.
            given: What is known of the objects.
        """
        for form in tags:
            self.of_rows.setdefault(path, []).append((type_name, form))
            names = {names[0] for names in form.paths("key")}
            if lacking := names - set(given.members):
                self.unset[coordinate, form.text] = lacking

    def lacking(self, coordinate: str, text: str) -> list[str]:
        """The members that a format reads and the selection does not give."""
        return sorted(self.unset.get((coordinate, text), ()))

    def row_tags(self, value: Any, variables: Mapping[str, Any]) -> Iterator[str]:
        """The tags of the objects in what an answer maps to."""
        for path, formats in self.of_rows.items():
            for row in _objects(value, path):
                given = {**variables, "key": row}
                name = row.get("__typename")
                for type_name, form in formats:
                    if name is None or name == type_name or not type_name:
                        tag = form.tag(given)
                        if tag is not None:
                            yield tag


def answer_hints(
    schema: GraphQLSchema, coordinate: str, own: Hint, kind: Any, supplied: Members
) -> AnswerHints:
    """What holds for the answers of a connector.

    Args:
        schema: The whole.
        coordinate: The field or type that the connector stands on.
        own: What that field says; what it says of `maxAge` stands above its type's.
        kind: The type of what an answer maps to.
        supplied: What it maps to.
    """
    found = AnswerHints()
    found.add(coordinate, own)
    _walk(schema, get_named_type(kind), supplied, (), found, has_age=own.max_age_s is not None)
    return found


def _walk(
    schema: GraphQLSchema,
    kind: GraphQLNamedType,
    supplied: Members,
    path: Path,
    found: AnswerHints,
    *,
    has_age: bool,
) -> None:
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
        return
    possible = schema.get_possible_types(kind) if is_abstract_type(kind) else [kind]
    for type_ in dict.fromkeys([kind, *possible]):
        hint = read_hint(type_)
        if hint is not NO_HINT:
            age = None if has_age else hint.max_age_s
            found.add(type_.name, Hint(age, hint.is_private))
            of_type = type_.name if isinstance(type_, GraphQLObjectType) else ""
            found.add_tags(type_.name, path, of_type, hint.tags, supplied)
        if isinstance(type_, GraphQLObjectType) and type_.name not in found.types:
            found.types.append(type_.name)
        for name, inner in supplied.members.items():
            field_ = getattr(type_, "fields", {}).get(name)
            if field_ is None:
                continue
            below = read_hint(field_)
            found.add(f"{type_.name}.{name}", below)
            has_own_age = below.max_age_s is not None
            _walk(
                schema,
                get_named_type(field_.type),
                inner,
                (*path, name),
                found,
                has_age=has_own_age,
            )


def _objects(value: Any, path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects at a path, through the lists on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, path)
    elif isinstance(value, dict):
        if path:
            yield from _objects(value.get(path[0]), path[1:])
        else:
            yield value
