"""Random schemas, scopes and documents: the filtered answer is the reference's with guards in its resolvers.

The reference is graphql-core on the same schema. Its guard of a field node looks the rules up anew, by the SDL's
text and the static type that the node is asked of, and nothing of the code under test. Backends are told by a
counter: a field that is denied is never resolved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from itertools import count
from random import Random
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    graphql_sync,
    is_abstract_type,
    parse,
    visit,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.auth.principal import Principal
from gateway.auth.settings import DirectiveSettings
from gateway.client.request import ClientRequest
from gateway.client.vary import VARY_NONE
from gateway.concurrency.awaitable import value_of
from gateway.context import Context
from gateway.execute.denials import denials_of, tell_denials
from gateway.execute.operation import coerce_variables, execute_operation
from gateway.execute.prepared import Prepared
from gateway.graph.needs import add_needs
from gateway.graph.resolvers import FieldResolver
from gateway.graph.schema import build_schema, fix

SCOPES = ("a", "b", "c")
OBJECTS = ("A", "B", "C")


def directives(rng: Random, often: int = 3) -> str:
    if rng.randrange(often + 1):
        return ""
    if rng.randrange(2):
        return " @authenticated"
    sets = [rng.sample(SCOPES, rng.randint(1, 2)) for _ in range(rng.randint(1, 2))]
    text = ", ".join("[" + ", ".join(f'"{scope}"' for scope in one) + "]" for one in sets)
    return f" @requiresScopes(scopes: [{text}])"


def random_sdl(rng: Random) -> str:
    """Three objects that implement one interface, a union of two, an enum: everything may be under a rule."""
    kinds = ["String", "Level", "I", "U", *OBJECTS]
    shared = f"common: {rng.choice(['String', 'String!', 'Level'])}"

    def fields(names: str) -> str:
        lines = []
        for name in names:
            form = rng.choice(["{}", "{}!", "[{}]", "[{}!]", "[{}!]!"])
            lines.append(f"  {name}: {form.format(rng.choice(kinds))}{directives(rng)}")
        return "\n".join(lines)

    parts = [f"type Query {{\n{fields('xyz')}\n  open: String\n}}"]
    parts.append(f"interface I{directives(rng, 6)} {{ {shared}{directives(rng)} }}")
    for name in OBJECTS:
        own = f"  {shared}{directives(rng)}"
        parts.append(f"type {name} implements I{directives(rng, 5)} {{\n{own}\n{fields('pq')}\n}}")
    parts.append("union U = A | B")
    parts.append(f"enum Level{directives(rng, 6)} {{ LOW }}")
    return "\n".join(parts)


def random_selection(
    rng: Random, schema: GraphQLSchema, type_: Any, depth: int, keys: Iterator[int]
) -> str:
    """A selection set in which every field has a response key of its own, so that none are merged."""
    items = []
    for _ in range(rng.randint(1, 3)):
        key = f"k{next(keys)}"
        if is_abstract_type(type_) and depth and rng.randrange(2):
            chosen = rng.choice([*schema.get_possible_types(type_)])
            inner = random_selection(rng, schema, chosen, depth - 1, keys)
            items.append(f"... on {chosen.name} {inner}")
            continue
        name = rng.choice([*getattr(type_, "fields", {}), "__typename"])
        below = None if name == "__typename" else get_named_type(type_.fields[name].type)
        if below is None:
            items.append(f"{key}: __typename")
        elif not hasattr(below, "fields") and not is_abstract_type(below):
            items.append(f"{key}: {name}")
        elif depth:
            items.append(f"{key}: {name} {random_selection(rng, schema, below, depth - 1, keys)}")
        else:
            items.append(f"{key}: __typename")
    return "{ " + " ".join(items) + " }"


def built(sdl: str) -> GraphQLSchema:
    schema, found = build_schema(parse(sdl))
    assert schema is not None, found
    return schema


def value_for(type_: Any, seed: int) -> Any:
    """A value of a type: lists of two, or of none; an object says its type."""
    text = str(type_).rstrip("!")
    if text.startswith("["):
        return [value_for(text[1:-1], seed + n) for n in range((seed * 7) % 3)]
    if text == "String":
        return "s"
    if text == "Level":
        return "LOW"
    name = {"I": OBJECTS[seed % 3], "U": OBJECTS[seed % 2]}.get(text, text)
    return {"__typename": name, "seed": seed}


class Rules:
    """The reference's own reading of the directives."""

    def __init__(self, schema: GraphQLSchema, scopes: frozenset[str], known: bool) -> None:
        self.schema, self.scopes, self.known = schema, scopes, known

    def _allows(self, element: Any) -> bool:
        for use in (element.ast_node.directives or ()) if element.ast_node else ():
            if use.name.value == "authenticated" and not self.known:
                return False
            if use.name.value == "requiresScopes":
                sets = [[s.value for s in one.values] for one in use.arguments[0].value.values]
                if not any(self.scopes.issuperset(one) for one in sets):
                    return False
        return True

    def _type(self, type_: Any) -> bool:
        return all(map(self._allows, [type_, *getattr(type_, "interfaces", ())]))

    def allows(self, parent: Any, name: str) -> bool:
        objects = self.schema.get_possible_types(parent) if is_abstract_type(parent) else [parent]
        for one in {parent.name: parent, **{o.name: o for o in objects}}.values():
            holders = [one, *(i for i in one.interfaces if name in i.fields)]
            given_type = get_named_type(one.fields[name].type)
            if not (self._type(one) and self._type(given_type)):
                return False
            if not all(self._allows(holder.fields[name]) for holder in holders):
                return False
        return True


def look(schema: GraphQLSchema, document: Any, rules: Rules) -> tuple[set[str], set[str]]:
    """The response keys of the field nodes that are denied, and what the others may be resolved by."""
    info = TypeInfo(schema)
    denied: set[str] = set()
    allowed: set[str] = set()

    class Look(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            parent, name = info.get_parent_type(), node.name.value
            if parent is None or name == "__typename":
                return
            assert node.alias is not None
            if not rules.allows(parent, name):
                denied.add(node.alias.value)
                return
            objects = schema.get_possible_types(parent) if is_abstract_type(parent) else [parent]
            allowed.update(f"{one.name}.{name}" for one in objects)

    visit(document, TypeInfoVisitor(info, Look()))
    return denied, allowed


class DeniedError(Exception):
    pass


def reference(schema: GraphQLSchema, query: str, denied: set[str]) -> tuple[Any, list[Any]]:
    """The data, and the errors that are not the guards'."""

    def resolve(parent: Any, info: Any) -> Any:
        if info.field_nodes[0].alias.value in denied:
            raise DeniedError
        return value_for(info.return_type, (parent or {"seed": 1})["seed"])

    result = graphql_sync(schema, query, field_resolver=resolve)
    errors = [e for e in result.errors or () if not isinstance(e.original_error, DeniedError)]
    return result.data, errors


async def filtered(
    sdl: str, query: str, principal: Principal
) -> tuple[Any, set[str], list[GraphQLError], bool]:
    schema = built(sdl)
    resolved: set[str] = set()

    def resolver(coordinate: str, type_: Any) -> FieldResolver:
        def resolve(parent: Any, _context: Any) -> Any:
            resolved.add(coordinate)
            return value_for(type_, (parent or {"seed": 1})["seed"])

        return FieldResolver(resolve, coordinate, False, False, VARY_NONE, VARY_NONE)

    for name in ("Query", *OBJECTS):
        for field_name, field in schema.type_map[name].fields.items():  # type: ignore[attr-defined]
            field.resolve = resolver(f"{name}.{field_name}", field.type)
    add_needs(schema, parse(sdl))
    fix(schema)
    prepared = Prepared(schema, parse(query))
    if prepared.guard is not None:
        prepared = prepared.filtered(prepared.guard.decide(principal), None)
    variables = coerce_variables(prepared, {})
    places: Mapping[str, Any] = {}
    nothing: Any = None
    context = Context(
        ClientRequest({}),
        deadline=1e9,
        upstream=nothing,
        config=places,
        source_urls={},
        state={},
    )
    result = await value_of(execute_operation(prepared, variables, context))
    assert prepared.executor == "compiled"
    errors = list(result.errors or ())
    is_denied = False
    if prepared.denied:
        denials = denials_of(prepared, variables)
        is_denied = bool(denials.places)
        tell_denials(result, denials, DirectiveSettings())
    return result.data, resolved, errors, is_denied


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_the_filtered_answer_is_the_guarded_references(seed: int) -> None:
    rng = Random(seed)
    sdl = random_sdl(rng)
    schema = built(sdl)
    query = random_selection(rng, schema, schema.query_type, 3, count())
    scopes = frozenset(rng.sample(SCOPES, rng.randrange(4)))
    known = bool(scopes) or bool(rng.randrange(2))
    principal = Principal(kind="user" if known else "anonymous", scopes=scopes)
    denied, allowed = look(schema, parse(query), Rules(schema, scopes, known))
    data, errors = reference(schema, query, denied)
    found, asked, own_errors, is_denied = asyncio.run(filtered(sdl, query, principal))
    assert found == data
    assert not errors
    assert not own_errors
    assert asked <= allowed
    assert is_denied == bool(denied)
