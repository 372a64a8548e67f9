"""Strawberry's schema class on compiled plans, beside its own: the same answers."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar

import pytest
import strawberry
from strawberry import relay
from strawberry.dataloader import DataLoader
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.permission import BasePermission
from strawberry.types import ExecutionResult

from gateway.execute.run import run_code
from gateway.integrations import operations
from gateway.integrations.graphql_core import fallbacks
from gateway.integrations.strawberry import CompiledFederationSchema, CompiledSchema

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _compiles_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "COMPILED_FROM", 1)


@strawberry.enum
class Color(Enum):
    RED = "red"
    BLUE = 2


class IsAdmin(BasePermission):
    message = "admins only"

    def has_permission(self, source: Any, info: strawberry.Info, **_: Any) -> bool:
        return bool(info.context["admin"])


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Person(Named):
    age: int
    secret: str = strawberry.field(default="s", permission_classes=[IsAdmin])

    @strawberry.field
    async def friend(self, info: strawberry.Info) -> Person | None:
        found: Person | None = await info.context["people"].load(self.age + 1)
        return found

    @strawberry.field
    def upper(self, info: strawberry.Info, times: int = 1) -> str:
        assert info.variable_values == {} or "color" in info.variable_values
        return self.name.upper() * times + str(info.path.key)


@strawberry.type
class Page(Generic[T]):
    items: list[T]
    total: int


@strawberry.type
class Book(relay.Node):
    id: relay.NodeID[int]
    title: str

    @classmethod
    def resolve_nodes(cls, *, node_ids: Any, **_: Any) -> Any:
        return [Book(id=int(number), title=f"node {number}") for number in node_ids]


@strawberry.input
class Filter:
    color: Color = Color.RED
    names: list[str] | None = None


@dataclass
class Foreign:
    """No Strawberry type: only its attributes count."""

    age: int


@strawberry.type
class Sync:
    a: int = 1

    @strawberry.field
    async def b(self) -> int:
        return 1

    @strawberry.field
    def c(self) -> list[int]:
        async def items() -> Any:
            yield 1

        return items()  # type: ignore[no-any-return]


@strawberry.type
class Query:
    @strawberry.field
    def people(self) -> Page[Person]:
        return Page(items=[Person(name=f"p{n}", age=n) for n in range(3)], total=3)

    @strawberry.field
    def named(self) -> list[Named]:
        return [Person(name="a", age=1)]

    @strawberry.field
    def later(self) -> Annotated[Person, strawberry.lazy("tests.integrations.test_strawberry")]:
        return Person(name="l", age=9)

    @strawberry.field
    def echo(self, color: Color, where: Filter | None = None) -> str:
        assert where is None or isinstance(where.color, Color)
        return f"{color!r} {where}"

    @strawberry.field
    def color(self) -> Color:
        return Color.BLUE

    @strawberry.field
    def broken(self) -> Person:
        return Foreign(age=1)  # type: ignore[return-value]

    @strawberry.field
    def mapping(self) -> Person | None:
        return {"name": "d", "age": 1}  # type: ignore[return-value]

    @strawberry.field
    def extensions(self, info: strawberry.Info) -> str:
        raw: Any = info._raw_info
        return str(raw.operation_extensions)


PLAIN = strawberry.Schema(Query)
ASKED = [
    "{ people { total items { name age upper twice: upper(times: 2) friend { name } } } }",
    "{ named { __typename name ... on Person { age } } later { name } color }",
    "{ people { items { secret } } }",
    "query ($color: Color!) { echo(color: $color, where: {color: BLUE}) }",
    '{ echo(color: RED) a: echo(color: BLUE, where: {names: ["x"]}) extensions }',
    "{ broken { age } }",
    "{ broken { name } }",
    "{ mapping { name age } }",
    "{ nope }",
    "{ people { ",
    "{ __schema { types { name fields { name type { name } } } } }",
]


def make_relay(schema_class: type[strawberry.Schema]) -> strawberry.Schema:
    """A field of relay belongs to one schema."""

    @strawberry.type(name="Query")
    class WithNodes:
        node: relay.Node = relay.node()

    return schema_class(WithNodes, types=[Book])


async def ask(schema: Any, text: str, admin: bool = False) -> ExecutionResult:
    async def load(ages: list[int]) -> list[Person]:
        return [Person(name=f"f{age}", age=age) for age in ages]

    context = {"admin": admin, "people": DataLoader(load_fn=load)}
    result: ExecutionResult = await schema.execute(
        text,
        {"color": "RED"} if "$color" in text else None,
        context_value=context,
        operation_extensions={"key": 1},
    )
    return result


def told(result: ExecutionResult) -> list[Any]:
    found = [
        (e.message, e.path, [(p.line, p.column) for p in e.locations or ()])
        for e in result.errors or ()
    ]
    return [result.data, sorted(found, key=repr)]


@pytest.mark.parametrize("text", ASKED)
async def test_answers_are_strawberrys(text: str) -> None:
    before = sum(fallbacks.values())
    plain, compiled = strawberry.Schema(Query), CompiledSchema(Query)
    for admin in (False, True, True):
        expected, found = await ask(plain, text, admin), await ask(compiled, text, admin)
        assert told(found) == told(expected)
    assert sum(fallbacks.values()) == before


async def test_relay_is_strawberrys() -> None:
    before = sum(fallbacks.values())
    plain, compiled = make_relay(strawberry.Schema), make_relay(CompiledSchema)
    for text in (
        '{ node(id: "Qm9vazoz") { id ... on Book { title } } }',
        '{ node(id: "x") { id } }',
    ):
        for _ in range(2):
            assert told(await ask(compiled, text)) == told(await ask(plain, text))
    assert sum(fallbacks.values()) == before


def test_sync_answers_are_strawberrys() -> None:
    for text, root in (("{ a }", Sync()), ("{ a }", None), ("{ c }", Sync())):
        for _ in range(2):
            found = CompiledSchema(Sync).execute_sync(text, root_value=root)
            expected = strawberry.Schema(Sync).execute_sync(text, root_value=root)
            assert told(found) == told(expected)


class Shouting(SchemaExtension):
    """Wraps every field."""

    def resolve(self, _next: Any, root: Any, info: Any, *given: Any, **arguments: Any) -> Any:
        value = _next(root, info, *given, **arguments)
        return value.upper() if isinstance(value, str) else value


class Operations(SchemaExtension):
    """Wraps the operation alone."""

    seen: list[str] = []  # noqa: RUF012

    def on_operation(self) -> Iterator[None]:
        yield
        assert self.execution_context.result is not None
        self.seen.append("operation")

    def on_execute(self) -> Iterator[None]:
        self.seen.append("execute")
        yield

    def get_results(self) -> dict[str, Any]:
        return {"seen": len(self.seen)}


@pytest.mark.parametrize(
    "extensions", [[Shouting], [MaskErrors], [Operations], [Shouting, MaskErrors]]
)
@pytest.mark.parametrize(
    "text", ["{ people { items { name __typename } } }", "{ broken { name } }"]
)
async def test_extensions_do_what_they_do(extensions: list[Any], text: str) -> None:
    before = sum(fallbacks.values())
    for _ in range(2):
        found = await ask(CompiledSchema(Query, extensions=extensions), text)
        expected = await ask(strawberry.Schema(Query, extensions=extensions), text)
        assert told(found) == told(expected)
        assert bool(found.extensions) == bool(expected.extensions)
    assert sum(fallbacks.values()) == before


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def reverse(value: DirectiveValue[str]) -> str:
    return value[::-1]


async def test_a_directive_takes_only_its_own_field_off_the_fast_way() -> None:
    schema = CompiledSchema(Query, directives=[reverse])
    plain = strawberry.Schema(Query, directives=[reverse])
    text = "{ people { items { name other: name @reverse age } } }"
    for _ in range(2):
        assert told(await ask(schema, text)) == told(await ask(plain, text))
    store = operations.store_of(schema._schema)
    (kept,) = store._recent
    (prepared,) = kept.prepared.values()
    wrapped = {f.key for f in prepared.code({}).bound.fields.values() if f.plan.wrapped}
    assert wrapped == {"other"}


async def test_an_executor_of_ones_own_falls_back_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

    class Own(StrawberryGraphQLCoreExecutionContext):
        pass

    fallbacks.pop("executor_class", None)
    schema = CompiledSchema(Query, execution_context_class=Own)
    for _ in range(3):
        assert (await ask(schema, "{ color }")).data == {"color": "BLUE"}
    assert fallbacks["executor_class"] == 3
    (record,) = [r for r in caplog.records if "executor_class" in r.getMessage()]
    assert "Remedy: use graphql-core's or the framework's own class" in record.getMessage()


@strawberry.federation.type(keys=["id"])
class Product:
    id: strawberry.ID
    name: str = "p"

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> Product:  # noqa: A002  Strawberry's name
        return cls(id=id)


@strawberry.type
class Shop:
    @strawberry.field
    def top(self) -> Product:
        return Product(id=strawberry.ID("1"))


async def test_federation_is_strawberrys() -> None:
    text = """{ _entities(representations: [{__typename: "Product", id: "3"}]) { ... on Product { id name } }
        top { name } _service { sdl } }"""
    for _ in range(2):
        found = await CompiledFederationSchema(Shop).execute(text)
        expected = await strawberry.federation.Schema(Shop).execute(text)
        assert found.errors is None
        assert told(found) == told(expected)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def people(self, to: int, info: strawberry.Info) -> AsyncGenerator[Person, None]:
        raw: Any = info._raw_info
        assert raw.operation_extensions == {"key": 1}
        for number in range(to):
            await asyncio.sleep(0)
            yield Person(name=f"p{number}", age=number)


async def test_subscriptions_are_strawberrys(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []

    def noting(run: Any, code: Any, **given: Any) -> Any:
        ran.append(run.root)
        return run_code(run, code, **given)

    monkeypatch.setattr("gateway.integrations.graphql_core.run_code", noting)

    async def events(schema: Any) -> list[Any]:
        stream = await schema.subscribe(
            "subscription { people(to: 3) { name upper } }",
            context_value={},
            operation_extensions={"key": 1},
        )
        return [told(event) async for event in stream]

    found = await events(CompiledSchema(Query, subscription=Subscription))
    assert len(found) == len(ran) == 3
    assert found == await events(strawberry.Schema(Query, subscription=Subscription))


@strawberry.type
class Half:
    @strawberry.field
    async def later(self) -> int | None:
        return 1

    @strawberry.field
    async def later_strict(self) -> int:
        return 1

    @strawberry.field
    def bad(self) -> int:
        return "x"  # type: ignore[return-value]

    @strawberry.field
    def fails(self) -> int | None:
        raise ValueError("no")


@strawberry.type
class Halves:
    @strawberry.field
    def one(self) -> Half | None:
        return Half()

    @strawberry.field
    def many(self) -> list[Half | None]:
        return [Half(), Half()]

    @strawberry.field
    async def later(self) -> Half | None:
        return Half()


@pytest.mark.parametrize(
    "text",
    [
        "{ one { later bad } }",
        "{ one { bad later } other: one { fails } }",
        "{ one { laterStrict bad } }",
        "{ one { bad laterStrict } }",
        "{ many { later bad laterStrict } }",
        "{ one { later } }",
        "{ one { laterStrict } }",
        "{ one { later fails } }",
        "{ one { bad } many { later } }",
        "{ later { bad } one { bad } }",
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_what_is_nulled_need_not_be_awaited(text: str) -> None:
    expected = strawberry.Schema(Halves).execute_sync(text)
    schema = CompiledSchema(Halves)
    for _ in range(2):
        found = schema.execute_sync(text)
        assert found.data == expected.data
        assert [(e.message, e.path) for e in found.errors or ()] == [
            (e.message, e.path) for e in expected.errors or ()
        ]


def test_without_an_event_loop_it_is_closed(recwarn: pytest.WarningsRecorder) -> None:
    gc.collect()
    recwarn.clear()  # of what others have left
    schema = CompiledSchema(Halves)
    for text in ("{ one { later bad } }", "{ one { bad later } }", "{ one { later } }"):
        found = schema.execute_sync(text)
        assert found.errors
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


@strawberry.type
class Writes:
    @strawberry.mutation
    async def first(self) -> int | None:
        return 1

    @strawberry.mutation
    def second(self) -> int:
        written.append(1)
        return 2


written: list[int] = []


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_a_mutation_after_one_that_had_to_be_awaited_does_not_run() -> None:
    found = CompiledSchema(Halves, Writes).execute_sync("mutation { first second }")
    assert [error.message for error in found.errors or ()] == [
        "GraphQL execution failed to complete synchronously."
    ]
    assert written == []
