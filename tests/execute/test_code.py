"""Generated code: its names, its place in tracebacks, its life, and how it follows the form of the rows."""

from __future__ import annotations

import gc
import linecache
import pickle
import traceback
import weakref
from typing import Any

import pytest
from graphql import parse

from gateway.codegen.code import MAX_REVISIONS
from gateway.execute.prepared import Prepared
from gateway.execute.run import run_code
from gateway.integrations.graphql_core import execute
from gateway.plan.nodes import child_selections
from gateway.runtime import shapes
from gateway.runtime.request import Variables
from gateway.runtime.state import Run
from gateway.runtime.variants import MAX_VARIANTS
from tests.execute.reference import make_schema

SDL = "type Query { row: Row rows: [Row!] } type Row { id: ID! text: String fail: String }"


def fail(_row: Any, _info: Any) -> str:
    raise LookupError("nothing there")


def test_a_traceback_shows_the_generated_line_with_its_field() -> None:
    document = parse("query Failing { row { fail } }")
    result = execute(make_schema(SDL, {"Row.fail": fail}), document, {"row": {}})
    (error,) = result.errors
    frames = traceback.extract_tb(error.original_error.__traceback__)
    assert [frame.name for frame in frames] == ["part_0", "fail"]
    assert frames[0].filename.startswith("<gateway plan ")
    assert frames[0].filename.endswith(" Failing>")
    assert "# Row.fail" in (frames[0].line or "")


def test_the_text_of_a_plan_goes_with_the_plan() -> None:
    prepared = Prepared(make_schema(SDL), parse("query Gone { row { id } }"))
    name = prepared.code({}).filename
    assert name in linecache.cache
    del prepared
    gc.collect()
    assert name not in linecache.cache


def test_plans_live_no_longer_than_the_schema_and_keep_no_document() -> None:
    schema = make_schema(SDL)
    document = parse("query Weak { row { id } }")
    assert execute(schema, document, {}).data == {"row": None}
    (name,) = [name for name in linecache.cache if name.endswith(" Weak>")]
    reference = weakref.ref(document)
    del document
    gc.collect()
    assert reference() is None
    assert name in linecache.cache
    kept = parse("{ row { id } }")
    execute(schema, kept, {})
    gone = weakref.ref(schema)
    del schema
    gc.collect()
    assert gone() is None
    assert name not in linecache.cache
    assert kept is not None


def test_a_document_can_be_pickled_and_a_schema_copied_after_a_run() -> None:
    schema = make_schema(SDL)
    document = parse("{ row { id } }")
    execute(schema, document, {})
    assert pickle.loads(pickle.dumps(document)) == document
    plans = pickle.loads(pickle.dumps(schema.__dict__["_gateway_operations"]))
    assert len(plans) == 0


def test_the_text_is_the_same_each_time_and_holds_no_name_of_the_client() -> None:
    text = "query Hostile { row { class: id self: text __x: text } }"
    sources = [Prepared(make_schema(SDL), parse(text)).code({}).source for _ in range(2)]
    assert sources[0] == sources[1]
    for name in ("class", "self", "__x", "Hostile", "Row.id"):
        without = sources[0].replace(f"'{name}'", "").replace(f"'{name}':", "")
        assert name not in without


def run_on(prepared: Any, root: Any) -> Any:
    code = prepared.code({})
    result: Any = run_code(Run(code.bound, prepared.source, root, None, Variables({}, {})), code)
    assert result.errors is None
    return result.data


class Row:
    def __init__(self, id: str) -> None:  # noqa: A002
        self.id = id
        self.text = None


@pytest.mark.parametrize(
    ("rows", "reads"),
    [
        ([{"id": "1", "text": None}], "row['id']"),
        ([{"id": "1"}], "row.get('id')"),
        ([Row("1")], "row.id"),
    ],
)
def test_code_follows_the_form_of_the_rows(
    rows: Any, reads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = Prepared(
        make_schema(SDL, {"Row.fail": lambda *a: "x"}), parse("{ rows { id text fail } }")
    )
    expected = {"rows": [{"id": "1", "text": None, "fail": "x"}]}
    for _ in range(3):
        assert run_on(prepared, {"rows": rows}) == expected
    assert reads in prepared.code({}).source
    with monkeypatch.context() as patch:
        patch.delattr(shapes, "slow_rows")  # what fits the code never comes there
        assert run_on(prepared, {"rows": rows}) == expected
        with pytest.raises(NameError):
            run_on(prepared, {"rows": [*rows, object()]})


def test_code_does_not_follow_for_ever() -> None:
    prepared = Prepared(make_schema(SDL, {"Row.fail": lambda *a: "x"}), parse("{ rows { id } }"))
    for number in range(20):
        row_class = type(f"Row{number}", (Row,), {})
        assert run_on(prepared, {"rows": [row_class("1")]}) == {"rows": [{"id": "1"}]}
    assert prepared.code({}).revisions == MAX_REVISIONS + 2  # two selections


def test_variants_of_one_document_are_bounded() -> None:
    names = [f"v{number}" for number in range(6)]
    text = f"query ({', '.join(f'${n}: Boolean!' for n in names)}) {{ row {{ id {' '.join(f'{n}: id @include(if: ${n})' for n in names)} }} }}"
    prepared = Prepared(make_schema(SDL), parse(text))
    assert prepared.shaping == tuple(names)
    for number in range(64):
        values = {name: bool(number >> place & 1) for place, name in enumerate(names)}
        (row,) = prepared.plan(values).parts[0].root.fields
        keys = [field.key for field in child_selections(row)[0].fields]
        assert keys == ["id", *(name for name in names if values[name])]
    assert len(prepared._variants.all()) == MAX_VARIANTS


class Traced:
    """A trace that is sampled, as far as code looks at it."""

    live = object()


def test_the_traced_form_follows_the_rows_too() -> None:
    prepared = Prepared(make_schema(SDL), parse("{ rows { id text } }"))
    for _ in range(3):
        code = prepared.code({})
        run = Run(code.bound, prepared.source, {"rows": [Row("1")]}, None, Variables({}, {}), None)
        run.trace = Traced()  # type: ignore[assignment]
        result: Any = run_code(run, code)
        assert result.data == {"rows": [{"id": "1", "text": None}]}
    assert code.revisions == 1
    assert "row.id" in code.source
