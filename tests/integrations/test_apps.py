"""`gateway plan` and `gateway profile` for a framework's schema."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app

PLACE = "tests.integrations.test_strawberry:PLAIN"


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
    assert "errors" not in result.output


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
