"""`gateway plan` and `gateway profile` for a framework's schema."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import strawberry
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.execute.operation import fallbacks

PLACE = "tests.integrations.people:PLAIN"


def ask(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["plan", *arguments])
    return result.exit_code, result.output


def test_the_plan_of_a_strawberry_schema_is_printed() -> None:
    code, text = ask(
        "{ people { total items { name upper friend { name } } } }", "--strawberry", PLACE
    )
    assert code == 0
    lines = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert "property" in lines["total:"]
    assert "sync" in lines["upper:"]
    assert "async" in lines["friend:"]


def test_where_the_time_of_a_strawberry_schema_goes() -> None:
    query = "{ people { total items { name upper } } }"
    result = CliRunner().invoke(app, ["profile", query, "--strawberry", PLACE, "-n", "2"])
    assert result.exit_code == 0, result.output
    assert "Person.upper" in result.output
    assert "error" not in result.output


@strawberry.type
class Asking:
    @strawberry.field
    def user(self, info: strawberry.Info) -> str:
        return str(info.context["user"])

    @strawberry.field
    async def runs(self, info: strawberry.Info) -> int:
        return int(info.context["runs"])

    @strawberry.field
    def fails(self) -> int | None:
        raise ValueError("in each run")


ASKING = strawberry.Schema(Asking)
made: list[str | None] = []
FIXED = {"user": "fixed", "runs": 0}


def context_of_each() -> dict[str, Any]:
    made.append(None)
    return {"user": "ann", "runs": len(made)}


async def context_of_request(request: Any) -> dict[str, Any]:
    made.append(request.headers.get("x-user"))
    return {"user": made[-1], "runs": len(made)}


@pytest.mark.parametrize("name", ["context_of_each", "context_of_request", "FIXED"])
def test_resolvers_get_the_applications_own_context(name: str) -> None:
    made.clear()
    place = f"{__name__}:ASKING"
    arguments = ["--strawberry", place, "--context", f"{__name__}:{name}", "-H", "x-user: ben"]
    found = CliRunner().invoke(app, ["profile", "{ user runs }", "-n", "2", *arguments])
    assert found.exit_code == 0, found.output
    assert "error" not in found.output
    each = {"context_of_each": [None] * 3, "context_of_request": ["ben"] * 3, "FIXED": []}
    assert made == each[name]


def test_what_fails_in_each_run_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    arguments = ["--strawberry", f"{__name__}:ASKING", "-n", "5"]
    found = CliRunner().invoke(app, ["profile", "{ fails }", *arguments])
    assert found.exit_code == 0, found.output
    logged = [record for record in caplog.records if record.name == "gateway.errors"]
    assert [record.getMessage() for record in logged] == ["ValueError: in each run"]
    assert not logging.getLogger("gateway.errors").filters


def test_resolvers_on_graphql_core_get_it_too() -> None:
    # More variables in @include than a plan has variants for.
    declared = " ".join(f"$v{number}: Boolean = true" for number in range(9))
    asked = " ".join(f"u{number}: user @include(if: $v{number})" for number in range(9))
    query = f"query({declared}) {{ {asked} }}"
    before = sum(fallbacks.values())
    place, context = f"{__name__}:ASKING", f"{__name__}:FIXED"
    arguments = ["--strawberry", place, "--context", context, "-n", "0"]
    found = CliRunner().invoke(app, ["profile", query, *arguments])
    assert found.exit_code == 0, found.output
    assert sum(fallbacks.values()) == before + 1
    assert "error" not in found.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--context", "os:environ"), "--context is for --strawberry"),
        (("--strawberry", PLACE, "--context", "os:nothing"), "there is no os:nothing"),
        (("--strawberry", PLACE, "--context", "os"), "expected MODULE:NAME"),
        (("--strawberry", PLACE, "--context", "operator:add"), "operator:add takes (a, b, /)"),
    ],
)
def test_a_context_that_is_none_is_told(arguments: tuple[str, ...], message: str) -> None:
    found = CliRunner().invoke(app, ["profile", "{ people { total } }", *arguments])
    assert found.exit_code == 2
    assert message in found.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("{ nope }", "--strawberry", PLACE), 1, "Cannot query field 'nope'"),
        (("{ a", "--strawberry", PLACE), 1, "Syntax Error"),
        (("{ a }", "--strawberry", "nowhere"), 2, "MODULE:NAME"),
        (("{ a }", "--ariadne", "no.such.module:schema"), 2, "no module 'no'"),
        (("{ a }", "--graphene", "tests.integrations.test_apps:PLACE"), 2, "is no schema, but str"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    arguments: tuple[str, ...], code: int, message: str
) -> None:
    found, text = ask(*arguments)
    assert found == code
    assert message in text
