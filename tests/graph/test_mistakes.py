"""What a resolver's author gets wrong without noticing: it works, or it is a finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.testing import GatewayClient, UnexpectedCallError
from tests.cli.command import run_gateway

SDL = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
  @source(name: "api", http: { baseURL: "http://127.0.0.1:9" })
  @source(name: "legacy", http: { baseURL: "http://127.0.0.1:9" })
scalar Money
type Query {
  price(of: Money): Money
  me: String
  other: String
  rows: Int @connect(source: "legacy", http: { GET: "/rows" }, selection: "$.n")
}
"""
RESOLVERS = """
from gateway import resolver, scalar, subscription

@scalar("Money")
class Money:
    def serialize(self, value):
        return f"{value / 100:.2f} EUR"

    def parse_value(self, value):
        return round(float(value.removesuffix(" EUR")) * 100)

@resolver("Query.price", vary=())
def price(parent, context, of=None):
    return of

@resolver("Query.me", vary="authorization")
def me(parent, context):
    return context.headers["authorization"]

@resolver("Query.other", vary="authorization")
def other(parent, context):
    return context.headers["x-user"]
"""


def project(folder: Path, name: str, more: str = "", toml: str = "") -> Path:
    (folder / "s.graphql").write_text(SDL)
    (folder / f"{name}.py").write_text(RESOLVERS + more)
    (folder / "gateway.toml").write_text(
        f'[graph]\nschema = "s.graphql"\nresolvers = "{name}"\n[telemetry.metrics]\nenabled = false\n'
        f'[logs]\nerrors = "{folder / "errors.log"}"\n{toml}'
    )
    return folder / "gateway.toml"


async def test_methods_of_a_scalar_may_take_self(tmp_path: Path) -> None:
    async with GatewayClient(project(tmp_path, "mistakes_scalar")) as client:
        result = await client.execute('{ price(of: "3.50 EUR") }')
    assert result.data == {"price": "3.50 EUR"}


@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        ("query ($of: Money) { price(of: $of) }", {"of": 3}, "Variable '$of' has invalid value: Expected value of type 'Money'; found: 3."),
        ("{ price(of: 3) }", None, "Expected value of type 'Money'; found: 3."),
    ],
    ids=["variable", "literal"],
)  # fmt: skip
async def test_a_fault_inside_a_scalar_stays_in_the_log(
    query: str, variables: dict[str, int] | None, message: str, tmp_path: Path
) -> None:
    async with GatewayClient(project(tmp_path, "mistakes_scalar")) as client:
        result = await client.execute(query, variables)
    (error,) = result.errors
    assert error["message"] == message
    (line,) = map(json.loads, (tmp_path / "errors.log").read_text().splitlines())
    assert line["error_id"] == error["extensions"]["errorId"]
    assert "has no attribute 'removesuffix'" in line["message"]


async def test_what_a_client_did_wrong_is_told_in_the_scalars_words(tmp_path: Path) -> None:
    async with GatewayClient(project(tmp_path, "mistakes_scalar")) as client:
        result = await client.execute('{ price(of: "many") }')
    assert "could not convert string to float: 'many'" in result.errors[0]["message"]
    assert (tmp_path / "errors.log").read_text() == ""


async def test_one_header_is_a_list_of_one(tmp_path: Path) -> None:
    async with GatewayClient(project(tmp_path, "mistakes_scalar")) as client:
        result = await client.execute(
            "{ me other }", headers={"authorization": "me", "x-user": "7"}
        )
    assert result.data == {"me": "me", "other": None}
    said = (tmp_path / "errors.log").read_text()
    assert "x-user: not sent, or not among what the function declares in vary=" in said


@pytest.mark.parametrize("kind", ["resolver", "batch_resolver"])
def test_a_resolver_of_the_subscription_type_is_a_finding(kind: str, tmp_path: Path) -> None:
    more = f"from gateway import {kind}\n@{kind}('Subscription.ticks', vary=())\nasync def ticks(root, context):\n    yield 1\n"
    project(tmp_path, "mistakes_events", more)
    with (tmp_path / "s.graphql").open("a") as file:
        file.write("type Subscription { ticks: Int }\n")
    found = run_gateway("check", cwd=tmp_path)
    assert found.returncode == 1
    assert "Subscription.ticks is a field of the subscription type" in found.stdout + found.stderr
    assert "write @subscription('Subscription.ticks')" in found.stdout + found.stderr


async def test_a_source_that_a_test_does_not_name_is_not_called(tmp_path: Path) -> None:
    config = project(tmp_path, "mistakes_scalar")
    async with GatewayClient(config, sources={"api": {}}) as client:
        with pytest.raises(UnexpectedCallError, match="the source 'legacy' was asked GET /rows"):
            await client.execute("{ rows }")
    async with GatewayClient(config, sources={"legacy": "http://127.0.0.1:9"}) as client:
        result = await client.execute("{ rows }")
    assert result.errors[0]["extensions"]["code"] == "HTTP_CLIENT_ERROR"


def test_an_argument_with_the_name_of_the_first_parameters_is_a_finding(tmp_path: Path) -> None:
    more = "@resolver('Query.named', vary=())\ndef named(parent, context, **arguments):\n    return ''\n"
    project(tmp_path, "mistakes_names", more)
    text = (tmp_path / "s.graphql").read_text()
    (tmp_path / "s.graphql").write_text(
        text.replace("me: String", "me: String\n  named(parent: ID): String")
    )
    found = run_gateway("check", cwd=tmp_path)
    assert found.returncode == 1
    assert "Query.named has an argument with the name of `parent`" in found.stdout
    assert "names={'parent': 'parent_'}" in found.stdout
