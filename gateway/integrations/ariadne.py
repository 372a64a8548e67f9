"""Ariadne on compiled plans: `install()`, one line, for all its servers in this process.

Ariadne calls graphql-core's functions by the names in its module `ariadne.graphql`; `install` puts those of
`graphql_core` there. Everything else stays: bindables, extensions, error formatters, handlers. What is known here of
Ariadne: an extension without a `resolve` of its own only calls the next one, and a resolver of `resolve_to` (aliases,
names in snake case) reads a member as graphql-core's default resolver does.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

from ariadne import resolvers
from ariadne.types import Extension
from graphql import GraphQLField, GraphQLSchema

from gateway.graph.member import Member, MemberAccess
from gateway.integrations import graphql_core, known

_NAMES = {
    "parse": graphql_core.parse,
    "validate": graphql_core.validate,
    "execute": graphql_core.execute,
    "execute_sync": graphql_core.execute_sync,
    "_subscribe": graphql_core.subscribe,
}
_module: Any = sys.modules["ariadne.graphql"]
_originals = {name: vars(_module)[name] for name in _NAMES}

known.passing.add(Extension.resolve)


def install() -> None:
    """Run what Ariadne executes in this process on compiled plans."""
    vars(_module).update(_NAMES)
    if read_members not in known.preparations:
        known.preparations.append(read_members)


def uninstall() -> None:
    """Give Ariadne its own functions back."""
    vars(_module).update(_originals)


def read_members(schema: GraphQLSchema) -> None:
    """Let plans read the members that Ariadne's resolvers of names read."""
    known.read_members(schema, _member_of)


def _member_of(field: GraphQLField) -> Member | None:
    resolve: Any = field.resolve
    if not known.is_made_in(resolve, resolvers, "resolver"):
        return None
    if not getattr(resolve, "_ariadne_alias_resolver", False):
        return None
    name = inspect.getclosurevars(resolve).nonlocals.get("attr_name")
    if not isinstance(name, str) or "." in name:
        return None
    return Member(name, MemberAccess.DEFAULT)
