"""The schema of the cases by Strawberry, Ariadne and Graphene. Each is imported where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from benchmarks.integrations.cases import FIELDS, Pair, data_of_pair, data_of_result


def strawberry_pair() -> Pair:
    """Strawberry's `execute`."""
    import strawberry

    from gateway.integrations.strawberry import CompiledSchema

    def later(self: Any) -> Any:
        async def give() -> str:
            return f"{self.name}!"

        return give()

    async def later_name(self: Any) -> str:
        return f"{self.name}!"

    def called(self: Any, info: strawberry.Info) -> str:
        return f"{self.name} {info.field_name}"

    later_name.__annotations__ = {"return": str}
    called.__annotations__ = {"info": strawberry.Info, "return": str}
    members: dict[str, Any] = {"id": int, "name": str, **dict.fromkeys(FIELDS, str)}
    body = {
        "__annotations__": members,
        "later": strawberry.field(resolver=later_name),
        "called": strawberry.field(resolver=called),
    }
    item: Any = strawberry.type(type("Item", (), body))
    rows = [
        item(id=n, name=f"n{n}", **{name: f"{name} {n}" for name in FIELDS}) for n in range(10_000)
    ]

    def items(first: int) -> Any:
        return rows[:first]

    items.__annotations__ = {"first": int, "return": list[item]}
    query = strawberry.type(type("Query", (), {"items": strawberry.field(resolver=items)}))
    plain, compiled = strawberry.Schema(query), CompiledSchema(query)
    return Pair(
        f"Strawberry {version('strawberry-graphql')}",
        plain.execute,
        compiled.execute,
        data_of_result,
    )


def ariadne_pair() -> Pair:
    """Ariadne's `graphql`, over dicts."""
    import ariadne as framework

    from gateway.integrations import ariadne

    fields = " ".join(f"{name}: String!" for name in FIELDS)
    sdl = f"""
    type Query {{ items(first: Int!): [Item!]! }}
    type Item {{ id: Int! name: String! {fields} later: String! called: String! }}
    """
    rows = [
        {"id": n, "name": f"n{n}", **{name: f"{name} {n}" for name in FIELDS}}
        for n in range(10_000)
    ]

    async def later(row: Any, _info: Any) -> str:
        return f"{row['name']}!"

    query, item = framework.QueryType(), framework.ObjectType("Item")
    query.set_field("items", lambda _root, _info, first: rows[:first])
    item.set_field("later", later)
    item.set_field("called", lambda row, info: f"{row['name']} {info.field_name}")
    schema = framework.make_executable_schema(sdl, query, item)

    @contextmanager
    def installed() -> Iterator[None]:
        ariadne.install()
        try:
            yield
        finally:
            ariadne.uninstall()

    async def compiled(text: str) -> Any:
        with installed():
            return await framework.graphql(schema, {"query": text})

    async def plain(text: str) -> Any:
        return await framework.graphql(schema, {"query": text})

    return Pair(f"Ariadne {version('ariadne')}", plain, compiled, data_of_pair)


def graphene_pair() -> Pair:
    """Graphene's `execute_async`."""
    import graphene

    from gateway.integrations.graphene import CompiledSchema

    async def later(self: Any, _info: Any) -> str:
        return f"{self.name}!"

    def called(self: Any, info: Any) -> str:
        return f"{self.name} {info.field_name}"

    names = ("name", *FIELDS, "later", "called")
    body: dict[str, Any] = {"id": graphene.Int(required=True)}
    body |= {name: graphene.String(required=True) for name in names}
    body |= {"resolve_later": later, "resolve_called": called}
    item = type("Item", (graphene.ObjectType,), body)
    rows = [
        item(id=n, name=f"n{n}", **{name: f"{name} {n}" for name in FIELDS}) for n in range(10_000)
    ]
    query = type(
        "Query",
        (graphene.ObjectType,),
        {
            "items": graphene.List(
                graphene.NonNull(item), first=graphene.Int(required=True), required=True
            ),
            "resolve_items": lambda _root, _info, first: rows[:first],
        },
    )
    plain, compiled = graphene.Schema(query=query), CompiledSchema(query=query)
    name = f"Graphene {version('graphene')}"
    return Pair(name, plain.execute_async, compiled.execute_async, data_of_result)


PAIRS: dict[str, Callable[[], Pair]] = {
    "strawberry": strawberry_pair,
    "ariadne": ariadne_pair,
    "graphene": graphene_pair,
}
