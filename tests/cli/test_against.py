"""What a schema changes for clients, by what they use: the findings of `gateway check --against`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema
from graphql.utilities import BreakingChange, BreakingChangeType, find_schema_changes
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.observe.impact import find_impacts
from gateway.observe.usage_file import UsageFile
from gateway.observe.usage_records import UsageClient, UsageRecord, UsageRecords

OLD = """
directive @a on FIELD
directive @b(x: Int, z: Int) repeatable on FIELD | QUERY
interface N { id: ID }
interface M { id: ID }
type V implements N & M { id: ID old: Int n(a: Int, b: Int, c: Int): Int t: String }
type W { x: Int }
union U = V | W
enum E { A B }
input I { a: Int b: Int c: Int }
input K { a: Int }
type Query { v: V u: U e(e: E, i: I, k: K): E d: Gone n: N m: M }
type Gone { x: Int }
"""
NEW = """
directive @b(x: Int!, q: Int!) on FIELD
interface N { id: ID }
interface M { id: ID }
type V implements N { id: ID n(a: Int!, b: String, d: Int!): Int t: Int }
type W { x: Int }
union U = V
enum E { A C }
input I { a: Int! b: String d: Int! }
scalar K
type Query { v: V u: U e(e: E, i: I, k: K): E n: N m: M }
"""
# By the change, what a client has to use for it.
NEEDED = {
    "Gone was removed.": ("Gone",),
    "Field V.old was removed.": ("V.old",),
    "Argument V.n(c:) was removed.": ("V.n(c:)",),
    "Argument V.n(a:) has changed type from Int to Int!.": ("V.n",),
    "Argument V.n(b:) has changed type from Int to String.": ("V.n(b:)",),
    "A required argument V.n(d:) was added.": ("V.n",),
    "Field V.t changed type from String to Int.": ("V.t",),
    "V no longer implements interface M.": ("V", "M"),
    "W was removed from union type U.": ("W", "U"),
    "Enum value E.B was removed.": ("E.B",),
    "A required field I.d was added.": ("I",),
    "Field I.c was removed.": ("I.c",),
    "Field I.a changed type from Int to Int!.": ("I",),
    "Field I.b changed type from Int to String.": ("I.b",),
    "K changed from an Input type to a Scalar type.": ("K",),
    "Field Query.d was removed.": ("Query.d",),
    "Directive @a was removed.": ("@a",),
    "A required argument @b(q:) was added.": ("@b",),
    "Argument @b(z:) was removed.": ("@b(z:)",),
    "Argument @b(x:) has changed type from Int to Int!.": ("@b",),
    "Repeatable flag was removed from @b.": ("@b",),
    "QUERY was removed from @b.": ("@b",),
}


def test_every_kind_of_change_counts_for_those_who_use_what_it_needs() -> None:
    old, new = build_schema(OLD), build_schema(NEW)
    kinds = {one.type for one in find_schema_changes(old, new) if isinstance(one, BreakingChange)}
    assert kinds == set(BreakingChangeType)
    impacts = [one for one in find_impacts(old, new, None) if one.is_breaking]
    assert {one.description: one.coordinates for one in impacts} == NEEDED
    for description, needed in NEEDED.items():
        records = UsageRecords()
        counts = {name: 3 + number for number, name in enumerate(needed)}
        records.add(UsageClient("uses"), UsageRecord(9, {}, counts))
        records.add(UsageClient("does not"), UsageRecord(9, {}, dict(list(counts.items())[1:])))
        found = {one.description: one.hits for one in find_impacts(old, new, records)}
        assert found[description] == {UsageClient("uses"): 3}


def test_a_type_is_used_by_its_members_too() -> None:
    records = UsageRecords()
    records.add(UsageClient("app"), UsageRecord(5, {}, {"I.a": 2, "I.b": 4, "Ii.b": 5}))
    found = {
        one.description: one.hits
        for one in find_impacts(build_schema(OLD), build_schema(NEW), records)
    }
    assert found["A required field I.d was added."] == {UsageClient("app"): 4}


USED = {"Query.f": 3, "By": 2, "By.inner": 2, "Inner": 2, "One": 1, "One.p": 1}


@pytest.mark.parametrize(
    ("old", "new", "hit"),
    [
        ("f(x: Int! = 3): Int", "f(x: Int!): Int", 3),
        ("f(x: Int! = 3): Int", "f(x: Int): Int", 0),
        ("a: Int! = 1", "a: Int!", 2),
        ("input Inner { z: Int }", "input Inner { z: Int w: Int! }", 2),
        ("input One {", "input One @oneOf {", 1),
    ],
)
def test_what_becomes_required_breaks_who_does_not_give_it(old: str, new: str, hit: int) -> None:
    schema = """
        type Query { f(x: Int! = 3): Int g(by: By): Int h(by: One): Int }
        input By { a: Int! = 1 inner: Inner } input Inner { z: Int } input One { p: Int q: Int }
    """
    assert old in schema
    records, client = UsageRecords(), UsageClient("acme", "", is_proven=True)
    records.add(client, UsageRecord(9, {}, dict(USED)))
    changed = schema.replace(old, new)
    impacts = find_impacts(build_schema(schema), build_schema(changed), records)
    found = [one.hits for one in impacts if one.is_breaking]
    assert found == ([{client: hit}] if hit else [])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.graphql").write_text("type Query { a: Int b: Int c(n: Int): Int }")
    (tmp_path / "schema.graphql").write_text("type Query {\n  c(n: Int, m: Int): Int\n}")
    now = time.time()
    records, before = UsageRecords(), UsageRecords()
    one = UsageRecord(90, {}, {"Query.a": 3, "Query.c": 90}, begin=now - 60, end=now)
    records.add(UsageClient("acme", "2.1", is_proven=True), one)
    records.add(UsageClient("", ""), UsageRecord(10, {}, {"Query.a": 1}, begin=now - 60, end=now))
    long_ago = now - 10 * 86_400
    past = UsageRecord(5, {}, {"Query.b": 5}, begin=long_ago, end=long_ago)
    before.add(UsageClient("acme", "1.0", is_proven=True), past)
    UsageFile(Path("usage.jsonl"), 10**6, 1).append([*records.lines(), *before.lines()])
    return tmp_path


def check(*arguments: str) -> tuple[int, dict[str, str]]:
    """The exit code, and the severity of each change by its message."""
    command = [
        "check",
        "schema.graphql",
        "--against",
        "old.graphql",
        "--format",
        "json",
        *arguments,
    ]
    result = CliRunner().invoke(app, command)
    found: list[dict[str, Any]] = json.loads(result.stdout)["findings"] if result.stdout else []
    changes = [one for one in found if one["code"] in ("BreakingChange", "DangerousChange")]
    return result.exit_code, {one["message"]: one["severity"] for one in changes}


USE = ("--usage", "usage.jsonl")
A = "Field Query.a was removed. 4 requests: acme 2.1 3, (unnamed) 1."
B = "Field Query.b was removed. 5 requests: acme 1.0 5."
M = "An optional argument Query.c(m:) was added."


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (
            (),
            1,
            {
                "Field Query.a was removed.": "error",
                "Field Query.b was removed.": "error",
                M: "note",
            },
        ),
        (USE, 1, {A: "error", B: "error", M: "note"}),
        ((*USE, "--min-requests", "5"), 1, {A: "note", B: "error", M: "note"}),
        ((*USE, "--min-percent", "4.5"), 1, {A: "note", B: "error", M: "note"}),
        ((*USE, "--min-percent", "5"), 0, {A: "note", B: "note", M: "note"}),
        (
            (*USE, "--period", "7d"),
            1,
            {A: "error", "Field Query.b was removed. No client uses it.": "note", M: "note"},
        ),
        (
            (*USE, "--exclude-client", "acme"),
            1,
            {
                "Field Query.a was removed. 1 request: (unnamed) 1.": "error",
                "Field Query.b was removed. No client uses it.": "note",
                M: "note",
            },
        ),
    ],
)
def test_a_change_breaks_whom_the_usage_says(
    folder: Path, arguments: tuple[str, ...], code: int, expected: dict[str, str]
) -> None:
    assert check(*arguments) == (code, expected)


def test_an_annotation_stands_at_the_type_in_the_new_schema(folder: Path) -> None:
    command = ["check", "schema.graphql", "--against", "old.graphql", *USE, "--format", "github"]
    result = CliRunner().invoke(app, command)
    assert (
        f"::error file={folder / 'schema.graphql'},line=1,col=1,title=BreakingChange::{A}"
        in result.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--against", "old.graphql", *USE, "--period", "1m", "--exclude-client", "acme", "--exclude-client", ""],
         "has no request of this period"),
        (["--against", "none.graphql"], "there is no such schema file"),
        (["--against", "old.graphql", "--usage", "none.jsonl"], "none.jsonl: No such file"),
        (USE, "give another one, --against SCHEMA"),
    ],
)  # fmt: skip
def test_what_nothing_can_be_said_by_ends_with_2(
    folder: Path, arguments: list[str], text: str
) -> None:
    result = CliRunner().invoke(app, ["check", "schema.graphql", *arguments])
    assert (result.exit_code, text in result.stderr) == (2, True), result.stderr


def test_usage_that_is_not_whole_lets_no_change_pass(folder: Path) -> None:
    """Of clients beyond the limits nobody knows what they use; who goes by the rest says so."""
    records = UsageRecords(max_clients=1)
    now = time.time()
    for name in ("a", "b"):
        record = UsageRecord(1, {}, {"Query.c": 1}, begin=now, end=now)
        records.add(UsageClient(name), record)
    UsageFile(Path("other.jsonl"), 10**6, 1).append(records.lines())
    command = ["check", "schema.graphql", "--against", "old.graphql", "--usage", "other.jsonl"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "of 1 request the usage does not tell who used what" in result.stderr
    assert CliRunner().invoke(app, [*command, "--exclude-client", "other"]).exit_code == 0
