"""Lays the schema's caching hints on a connector's calls, when it is bound."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, print_ast

from gateway.client.vary import CLAIMS, PRINCIPAL
from gateway.connectors.caching.answers import answer_hints
from gateway.connectors.caching.call_caching import CallCaching
from gateway.connectors.caching.hints import NO_HINT, read_hint
from gateway.connectors.directives import Connect, SourceDirective
from gateway.connectors.header_rule_settings import HeaderRule
from gateway.connectors.mapping.analyse import read_paths
from gateway.connectors.mapping.members import NOTHING, Members
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.upstream.settings import SourceSettings

OF_A_CALL = ("args", "this", "request", "principal", "flags")


def call_caching(
    schema: GraphQLSchema,
    connect: Connect,
    supplied: Members,
    settings: SourceSettings,
    *,
    is_write: bool,
    version: str,
    selection: MappingSelection,
) -> CallCaching | None:
    """What a connector tells the cache; None where nothing of it is kept, and it makes nothing unusable.

    Args:
        schema: The whole.
        connect: The connector.
        supplied: What its selection supplies.
        settings: Of its source.
        is_write: It is a mutation's.
        version: Its fingerprint.
        selection: Its mapping.
    """
    if not (is_write or settings.cache.enabled):
        return None
    type_name, _, name = connect.coordinate.partition(".")
    owner = schema.type_map[type_name]
    assert isinstance(owner, GraphQLObjectType)
    own = read_hint(owner.fields[name]) if name else NO_HINT
    kind = owner.fields[name].type if name else owner
    # A format that reads the objects of the answer is theirs, wherever it stands.
    of_rows = tuple(form for form in own.tags if "key" in form.reads)
    tags = tuple(form for form in own.tags if form not in of_rows)
    answers = answer_hints(schema, connect.coordinate, replace(own, tags=()), kind, supplied)
    answers.add_tags(connect.coordinate, (), "", of_rows, supplied)
    if is_write and not (tags or answers.of_rows):
        return None
    member = private_member(settings.cache.private_id)
    if member is None and answers.is_private:
        member = "id"
    return CallCaching(
        connect.name,
        connect.source or "",
        answers,
        tags,
        None if is_write else member,
        version=version,
        is_write=is_write,
        mapped_by=tuple(_paths_of_call(selection)),
    )


def _paths_of_call(selection: MappingSelection) -> Iterator[tuple[str, ...]]:
    """What a mapping reads of a call, but of its answer and of a batch's keys."""
    reads = read_paths(selection)
    for variable in OF_A_CALL:
        yield from _leaves(reads.get(variable, NOTHING), (variable,))


def _leaves(members: Members, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if members.whole:
        yield path
    for name, inner in members.members.items():
        yield from _leaves(inner, (*path, name))


def fingerprint(
    connect: Connect,
    source: SourceDirective | None,
    base_url: str,
    rules: Sequence[HeaderRule],
    settings: SourceSettings,
    constants: Mapping[str, Any],
    reads: Mapping[str, Members],
) -> str:
    """What tells one version of a connector from another, in all pods: they share rows while it is equal.

    Args:
        connect, source: As they stand in the schema.
        base_url: Evaluated.
        rules: What is sent beside the directives' headers.
        settings: Of the source.
        constants: `$config` and `$env`.
        reads: What the request reads; of the environment those variables alone count.
    """
    env, config = constants["env"], constants["config"]
    used = {name: env.get(name) for name in reads.get("env", NOTHING).members}
    texts = [print_ast(connect.node), print_ast(source.node) if source is not None else ""]
    texts += [base_url, repr(list(rules)), repr(settings.headers), repr(settings.session_cookie)]
    texts += [repr(sorted(used.items())), repr(config) if "config" in reads else ""]
    texts += [settings.cache.digest(), settings.dialect]
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=12).hexdigest()


def private_member(private_id: str | None) -> str | None:
    """The member of the principal that `private_id` names: `id`, `claims.tenant`."""
    if private_id is None:
        return None
    if private_id.startswith(CLAIMS):
        return f"claims.{private_id.removeprefix(CLAIMS)}"
    return private_id.removeprefix(PRINCIPAL)
