"""Strawberry's extensions, directives and executors on compiled plans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.extensions import MaskErrors, SchemaExtension

from gateway.integrations import operations
from gateway.integrations.graphql_core import fallbacks
from gateway.integrations.strawberry import CompiledSchema
from tests.integrations.people import Query, ask, told

pytestmark = pytest.mark.usefixtures("compiled_at_once")


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
