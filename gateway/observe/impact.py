"""What a change of the schema breaks, and for whom: the changes that graphql-core finds, beside what clients use.

A change counts for a client that uses all that it needs: a removed field the field, a new required argument its field,
a type that leaves a union the union and the type.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLSchema,
    is_required_argument,
    is_required_input_field,
)
from graphql.utilities import (
    BreakingChange,
    BreakingChangeType,
    DangerousChange,
    find_schema_changes,
)

from gateway.observe.usage_records import UsageClient, UsageRecord, UsageRecords

_MEMBER = r"@?\w+(?:\.\w+)?"
# What a change's description names; graphql-core says it nowhere else. A text that is another counts for everybody.
_NAMED: Mapping[BreakingChangeType, str] = {
    BreakingChangeType.TYPE_REMOVED: r"(\w+) was removed",
    BreakingChangeType.TYPE_CHANGED_KIND: r"(\w+) changed from ",
    BreakingChangeType.TYPE_REMOVED_FROM_UNION: r"(\w+) was removed from union type (\w+)",
    BreakingChangeType.VALUE_REMOVED_FROM_ENUM: r"Enum value (\w+\.\w+) was removed",
    BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED: r"A required field (\w+)\.\w+ was added",
    BreakingChangeType.IMPLEMENTED_INTERFACE_REMOVED: r"(\w+) no longer implements interface (\w+)",
    BreakingChangeType.FIELD_REMOVED: r"Field (\w+\.\w+) was removed",
    BreakingChangeType.FIELD_CHANGED_KIND: r"Field (\w+\.\w+) changed type",
    BreakingChangeType.REQUIRED_ARG_ADDED: r"A required argument (\w+\.\w+)\(",
    BreakingChangeType.ARG_REMOVED: rf"Argument ({_MEMBER}\(\w+:\)) was removed",
    BreakingChangeType.ARG_CHANGED_KIND: rf"Argument ({_MEMBER}\(\w+:\)) has changed type",
    BreakingChangeType.DIRECTIVE_REMOVED: r"Directive (@\w+) was removed",
    BreakingChangeType.DIRECTIVE_ARG_REMOVED: r"Argument (@\w+\(\w+:\)) was removed",
    BreakingChangeType.REQUIRED_DIRECTIVE_ARG_ADDED: r"A required argument (@\w+)\(",
    BreakingChangeType.DIRECTIVE_REPEATABLE_REMOVED: r"Repeatable flag was removed from (@\w+)",
    BreakingChangeType.DIRECTIVE_LOCATION_REMOVED: r"\w+ was removed from (@\w+)",
}


@dataclass(frozen=True, slots=True)
class SchemaImpact:
    """One change.

    Attributes:
        description: In graphql-core's words.
        is_breaking: Whether it may break a valid operation; else it may surprise one.
        coordinates: What a client uses that it counts for; empty where that cannot be told.
        hits: The clients that it counts for, with the requests that used the coordinates at least.
    """

    description: str
    is_breaking: bool
    coordinates: tuple[str, ...]
    hits: Mapping[UsageClient, int]

    @property
    def requests(self) -> int:
        """Of all clients that it counts for."""
        return sum(self.hits.values())


def find_impacts(
    old: GraphQLSchema,
    new: GraphQLSchema,
    records: UsageRecords | None,
    excluded: Collection[str] = (),
) -> list[SchemaImpact]:
    """What changes between two schemas that is not safe.

    Args:
        old: What clients know.
        new: What they are to know.
        records: What they use; None where nobody knows: no change has hits then.
        excluded: Names of clients that do not count.
    """
    found = []
    for change in (*find_schema_changes(old, new), *_newly_one_of(old, new)):
        if not isinstance(change, BreakingChange | DangerousChange):
            continue
        if change.description.startswith("Standard scalar"):
            continue  # nothing of the schema is of it any more, and that is told
        required = _lost_default(change, new)
        is_breaking = isinstance(change, BreakingChange) or required is not None
        coordinates: tuple[str, ...] = ()
        if required is not None:
            coordinates = (required,)
        elif isinstance(change, BreakingChange):
            coordinates = _coordinates(change, old, new)
        hits: dict[UsageClient, int] = {}
        if is_breaking and records is not None:
            hits = _hits(coordinates, records, excluded)
        found.append(SchemaImpact(change.description, is_breaking, coordinates, hits))
    return found


def _newly_one_of(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[BreakingChange]:
    """Input types of which exactly one field may be given from now on; graphql-core tells nothing of it."""
    for name, type_ in new.type_map.items():
        before = old.type_map.get(name)
        if not isinstance(type_, GraphQLInputObjectType) or not type_.is_one_of:
            continue
        if isinstance(before, GraphQLInputObjectType) and not before.is_one_of:
            yield BreakingChange(
                BreakingChangeType.TYPE_CHANGED_KIND,
                f"{name} changed from an Input type to a OneOf Input type.",
            )


def _lost_default(change: Any, new: GraphQLSchema) -> str | None:
    """What of the schema it hits, where what had a default is required now; dangerous, by graphql-core."""
    named = re.match(rf"({_MEMBER}(?:\(\w+:\))?) defaultValue was removed", change.description)
    if named is None or not _is_required(_member(new, named[1])):
        return None
    return _owner(named[1])


def _coordinates(change: BreakingChange, old: GraphQLSchema, new: GraphQLSchema) -> tuple[str, ...]:
    named = re.match(_NAMED[change.type], change.description)
    if named is None:
        return ()
    first = named[1]
    if change.type in (BreakingChangeType.ARG_CHANGED_KIND, BreakingChangeType.FIELD_CHANGED_KIND):
        # What has become required breaks also those who do not give it.
        owner = _owner(first)
        before, after = _member(old, first), _member(new, first)
        if _is_required(after) and not _is_required(before):
            return (owner,)
    return tuple(named.groups())


def _owner(coordinate: str) -> str:
    """The field of an argument, the input type of an input field."""
    return re.split(r"\(|\.(?=\w+$)", coordinate)[0]


def _is_required(member: Any) -> bool:
    return is_required_argument(member) or is_required_input_field(member)


def _member(schema: GraphQLSchema, coordinate: str) -> Any:
    """A field, input field or argument by its coordinate; None where there is none."""
    whole, _, argument = coordinate.rstrip(":)").partition("(")
    if whole.startswith("@"):
        owner: Any = schema.get_directive(whole[1:])
    else:
        type_name, _, name = whole.partition(".")
        owner = getattr(schema.get_type(type_name), "fields", {}).get(name)
    return owner.args.get(argument) if owner is not None and argument else owner


def _hits(
    coordinates: tuple[str, ...], records: UsageRecords, excluded: Collection[str]
) -> dict[UsageClient, int]:
    counts = {
        client: min((_uses(record, one) for one in coordinates), default=record.requests)
        for client, record in records.by_client.items()
        if client.name not in excluded
    }
    return {client: count for client, count in counts.items() if count}


def _uses(record: UsageRecord, coordinate: str) -> int:
    """In how many requests at least a client has used something; a type also by its members."""
    counts = record.coordinates
    if "." in coordinate or coordinate.startswith("@"):
        return counts.get(coordinate, 0)
    members = (count for name, count in counts.items() if name.startswith(f"{coordinate}."))
    return max(counts.get(coordinate, 0), max(members, default=0))
