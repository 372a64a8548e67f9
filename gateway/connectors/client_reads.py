"""What a connector reads of the client: its directives, `[headers]`, and `$request`, `$principal` and `$flags`.

It must name everything: what is left out here would be shared between clients who differ in it.

Source: connectors.md §15.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.auth.principal import MEMBERS, path_of
from gateway.client.vary import VARY_NONE, Vary
from gateway.connectors.header_rule_settings import HeaderRule
from gateway.connectors.mapping.members import NOTHING, WHOLE, Members
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.connectors.reads import joined_reads
from gateway.connectors.request.template import RequestBuilder


def identity_of_connector(
    builder: RequestBuilder,
    responding: Iterable[MappingSelection],
    rules: Sequence[HeaderRule],
    session_cookie: str | None,
) -> Vary | None:
    """What must be equal for two clients to share a call; None where all of the request is read.

    Args:
        builder: Writes its requests.
        responding: The mappings that work on an answer.
        rules: Of `[headers]`, for its source.
        session_cookie: Of its source, which is sent where the client has it.
    """
    asked = builder.reads.get("request", NOTHING).joined(joined_reads(responding, "request"))
    headers = asked.members.get("headers", NOTHING)
    if asked.whole or headers.whole:
        return None
    copied = [rule.propagate for rule in rules if rule.propagate is not None]
    principal = builder.reads.get("principal", NOTHING).joined(
        joined_reads(responding, "principal")
    )
    inserted = [rule.insert.member for rule in rules if rule.insert is not None]
    found = Vary(
        frozenset(map(str.lower, headers.members))
        | builder.forwarded
        | {rule.named.lower() for rule in copied if rule.named is not None},
        frozenset(rule.matching for rule in copied if rule.matching is not None),
        frozenset((session_cookie,) if session_cookie else ()),
        frozenset(map(path_of, _paths(asked.members.get("claims", NOTHING), ("claims",))))
        | {path_of(path) for name in MEMBERS for path in _paths(_member(principal, name), (name,))}
        | {member for member in inserted if member is not None},
        flags=flags_of_connector(builder, responding),
    )
    return VARY_NONE if found == VARY_NONE else found


def flags_of_connector(
    builder: RequestBuilder, responding: Iterable[MappingSelection]
) -> frozenset[str]:
    """The flags that its mappings read."""
    wanted = builder.reads.get("flags", NOTHING).joined(joined_reads(responding, "flags"))
    return frozenset(wanted.members)


def _member(wanted: Members, name: str) -> Members:
    """What is read of a member; all of it where the whole is taken."""
    return WHOLE if wanted.whole else wanted.members.get(name, NOTHING)


def _paths(wanted: Members, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """What is read, as the paths of members."""
    if wanted.whole:
        yield path
        return
    for name, inner in wanted.members.items():
        yield from (
            _paths(inner, (*path, name)) if inner.members or inner.whole else ((*path, name),)
        )
