"""What of the schema clients use: by coordinate, client and version; bounded, in files and live."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse
from typer.testing import CliRunner

from gateway.admin.commands import Command
from gateway.app.partner import of_client
from gateway.auth.principal import Principal
from gateway.cli.app import app
from gateway.client.request import ClientRequest
from gateway.execute.prepared import Prepared
from gateway.observe.coordinates import use_of, used_by_value
from gateway.observe.usage import LOOKED_AT, ONE_IN, FieldUsage
from gateway.observe.usage_records import UsageClient, UsageRecord, UsageRecords, read_records
from gateway.telemetry.metrics import Histogram
from gateway.telemetry.settings import MetricsSettings, UsageSettings
from gateway.testing import GatewayClient
from tests.observe.shop import SDL, save_usage_shop

SCHEMA = build_schema(SDL)


def prepared(text: str) -> Prepared:
    return Prepared(SCHEMA, parse(text))


def test_a_plan_knows_every_coordinate_of_its_document() -> None:
    use = use_of(
        prepared("""
        query Q($f: Filter = {within: [{text: "a"}]}, $n: Int) {
          videos(filter: $f, colors: [RED, BLUE], first: $n) { ...v }
          node(id: 1) { id @loud(volume: 1) ... on Video { ...v } }
          again: videos(filter: {color: RED}) { __typename }
        }
        fragment v on Video { title(short: true) old }
        """)
    )
    assert dict(use.fields) == {
        "Query.videos": False,
        "Query.node": False,
        "Node.id": False,
        "Video.title": False,
        "Video.old": True,
    }
    assert dict(use.others) == {
        "Query": False, "Video": False, "Node": False, "Filter": False, "Color": False,
        "Query.videos(filter:)": False, "Query.videos(colors:)": False, "Query.videos(first:)": False,
        "Query.node(id:)": False, "Video.title(short:)": False,
        "@loud": False, "@loud(volume:)": False,
        "Color.RED": False, "Color.BLUE": True,
        "Filter.within": False, "Filter.text": True, "Filter.color": False,
    }  # fmt: skip
    assert [name for name, _ in use.variables] == ["f"]


def test_values_of_variables_use_input_fields_and_enum_values() -> None:
    value = {"color": "BLUE", "within": [{"text": "x", "odd": 1}, {"color": "NONE"}]}
    found = set(used_by_value(SCHEMA.get_type("Filter"), value))
    assert found == {"Filter", "Filter.color", "Color.BLUE", "Filter.within", "Filter.text"}
    assert set(used_by_value(SCHEMA.get_type("Filter"), {})) == {"Filter"}
    many = used_by_value(SCHEMA.get_type("Color"), ["RED"] * 10_000)
    assert len(list(many)) < 1_000


def usage_of(**settings: Any) -> FieldUsage:
    clock = iter(range(1_000, 2_000))
    histogram = Histogram()
    given = UsageSettings(**settings)
    return FieldUsage(MetricsSettings(), lambda _: histogram, given, lambda: float(next(clock)))


def test_variables_are_looked_at_at_first_and_then_of_one_in_some() -> None:
    usage, plan = usage_of(), prepared("query($f: Filter) { videos(filter: $f) { id } }")
    client = ClientRequest({}, client_name="app", client_version="1")
    count = LOOKED_AT + 10 * ONE_IN
    for _ in range(count):
        usage.count(plan, client, {"f": {"color": "RED"}})
    (record,) = usage.take().by_client.values()
    assert record.coordinates["Query.videos"] == count
    assert abs(record.coordinates["Color.RED"] - count) <= ONE_IN


def test_what_is_taken_is_not_taken_again_and_counts_among_all() -> None:
    usage, plan = usage_of(), prepared("query Q { plain }")
    for _ in range(2):
        usage.count(plan, ClientRequest({}, client_name="app"))
        (record,) = usage.take().by_client.values()
        assert record.requests == 1
    assert usage.take().by_client == {}
    usage.count(plan, ClientRequest({}, client_name="app"))
    (record,) = usage.live().by_client.values()
    assert (record.requests, record.operations) == (3, {plan.document_hash: ("Q", 3)})


@pytest.mark.parametrize("is_told_meanwhile", [False, True])
def test_what_is_added_up_plan_by_plan_is_counted_once(*, is_told_meanwhile: bool) -> None:
    usage, client = usage_of(), ClientRequest({}, client_name="app")
    plans, steps = [prepared(f"query Q{number} {{ plain }}") for number in range(5)], 0
    for plan in plans:
        usage.count(plan, client)
    for _ in usage.folding():
        steps += 1
        usage.count(plans[0], client)  # requests go on
        if is_told_meanwhile:
            usage.fold()
    assert steps == (1 if is_told_meanwhile else 5)
    (record,) = usage.live().by_client.values()
    assert record.requests == 5 + steps


def test_records_are_bounded_by_clients_and_by_counts() -> None:
    records = UsageRecords(max_clients=2, max_counts=4)
    for number in range(5):
        one = UsageRecord(1, {}, {f"Query.f{number}": 1, "Query.all": 1})
        records.add(UsageClient(f"app {number}"), one)
    assert [client.name for client in records.by_client] == ["app 0", "app 1", "other"]
    assert sum(record.requests for record in records.by_client.values()) == 5
    assert sum(len(record.coordinates) for record in records.by_client.values()) == 4
    assert records.by_client[UsageClient("other")].dropped == records.untold() == 3


def test_invented_names_take_no_room_of_proven_clients() -> None:
    usage, plan = usage_of(max_clients=3, max_counts=20), prepared("{ plain }")
    partner = ClientRequest(
        {}, client_name="acme", principal=Principal("acme", "client", client="acme")
    )
    usage.count(plan, partner)
    for number in range(50):
        usage.count(plan, ClientRequest({}, client_name=f"invented {number}"))
    usage.count(plan, ClientRequest({}, client_name="acme", client_version="spoofed"))
    usage.count(plan, partner)
    records = usage.live()
    proven = records.by_client[UsageClient("acme", "", is_proven=True)]
    assert (proven.requests, proven.coordinates["Query.plain"], proven.dropped) == (2, 2, 0)
    assert of_client(records, "acme").by_client.keys() == {UsageClient("acme", "", is_proven=True)}
    assert len(records.by_client) == 5  # three that are not proven, and "other"
    assert records.untold() == 48


def test_what_is_known_of_a_client_is_counted_when_there_is_no_more_room() -> None:
    records = UsageRecords(max_counts=2)
    client = UsageClient("app")
    for _ in range(3):
        records.add(client, UsageRecord(1, {}, {"Query.a": 1, "Query.b": 1}))
    records.add(client, UsageRecord(1, {}, {"Query.a": 1, "Query.c": 1}))
    found = records.by_client[client]
    assert (found.coordinates, found.dropped) == ({"Query.a": 4, "Query.b": 3}, 1)
    (again,) = read_records(
        [
            {**line, "from": "2026-11-30T00:00:00+00:00", "to": "2026-11-30T00:01:00+00:00"}
            for line in records.lines()
        ]
    ).by_client.values()
    assert again.dropped == 1


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GatewayClient]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = save_usage_shop(tmp_path, '[telemetry.usage]\nfile = "usage.jsonl"\n')
    async with GatewayClient(path) as found:
        for version in ("1", "1", "2"):
            headers = {"graphql-client-name": "app", "graphql-client-version": version}
            await found.execute("query Q { videos(colors: [BLUE]) { old } }", headers=headers)
        document = "query($f: Filter) { videos(filter: $f) { id } }"
        await found.execute(document, {"f": {"text": "a"}})
        query = "subscription($f: Filter) { changed(filter: $f) { id } }"
        async with aclosing(found.subscribe(query, {"f": {"color": "RED"}})) as events:
            assert [event async for event in events]
        yield found


def told(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["usage", "--json", *arguments])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


async def test_the_admin_port_tells_usage_and_partners(client: GatewayClient) -> None:
    actions = client.app.worker.commands.actions
    usage = await actions["GET", "/admin/usage"](Command("me", query={"client": "app"}))
    assert (usage.body["failed"], usage.body["silent"]) == ({}, [])
    assert {(one["client"], one["version"]) for one in usage.body["usage"]} == {
        ("app", "1"),
        ("app", "2"),
    }
    partner = await actions["GET", "/admin/partner"](Command("me", query={"client": "app"}))
    assert partner.body["keys"] == []
    # It says so itself, and nothing proves it.
    assert partner.body["usage"]["requests"] == 0
    assert partner.body["claimed_requests"] == 3
    export = client.app.worker.usage
    assert export is not None
    export._max_bytes = 10
    refused = await actions["GET", "/admin/usage"](Command("me"))
    assert "ask for one client" in str(refused.body["failed"])


async def test_the_file_has_what_was_used_when_the_server_has_ended(client: GatewayClient) -> None:
    worker = client.app.worker
    assert worker.usage is not None
    live = worker.usage._usage.live().by_client
    assert {(one.name, one.version): record.requests for one, record in live.items()} == {
        ("app", "1"): 2,
        ("app", "2"): 1,
        ("", ""): 2,
    }
    await worker.usage.aclose()
    lines = [json.loads(line) for line in Path("usage.jsonl").read_text().splitlines()]
    assert read_records(lines).by_client.keys() == live.keys()
    deprecated = {row["coordinate"]: row["clients"] for row in told("--deprecated")}
    assert deprecated == {"Video.old": ["app"], "Color.BLUE": ["app"], "Filter.text": [""]}
    by = {
        (r["coordinate"], r["client"], r["version"]): r["requests"] for r in told("--by", "version")
    }
    assert by["Video.old", "app", "1"] == 2
    assert by["Video.old", "app", "2"] == 1
    assert by["Filter.color", "", ""] == by["Color.RED", "", ""] == 1
    assert told("--client", "other") == []
    assert {row["requests"] for row in told("--client", "app", "--since", "1h")} == {3}
    assert told("--since", "1h")[0]["requests"] == 5
    text = CliRunner().invoke(app, ["usage", "--deprecated", "--by", "client"]).stdout
    assert "3  Video.old deprecated  app  until" in text


@pytest.mark.parametrize(
    ("arguments", "told_text"),
    [
        (["--usage", "none.jsonl"], "none.jsonl: No such file"),
        (["--usage", "bad.jsonl"], "bad.jsonl:1: not JSON"),
        (["--usage", "odd.jsonl"], "it is no line of usage"),
        (["--usage", "types.jsonl"], "it is no line of usage: a count is no number"),
        (["--since", "soon"], "give a time as 7d"),
        ([], "telemetry.usage.file"),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told_text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.jsonl").write_text("{")
    (tmp_path / "odd.jsonl").write_text("{}")
    line = UsageRecord("many").as_json(UsageClient("a"))  # type: ignore[arg-type]
    (tmp_path / "types.jsonl").write_text(json.dumps(line))
    save_usage_shop(tmp_path)
    result = CliRunner().invoke(app, ["usage", *arguments])
    assert result.exit_code == 2
    assert told_text in result.stderr


def test_what_is_deprecated_is_so_by_the_schema_that_has_answered() -> None:
    tried = build_schema(SDL)
    tried.type_map["Video"].fields["title"].deprecation_reason = "soon"  # type: ignore[attr-defined]
    text = "{ videos { title } }"
    usage = FieldUsage(MetricsSettings(), lambda _: Histogram())
    now, canary = prepared(text), Prepared(tried, parse(text))
    for plan, requests in ((now, 3), (canary, 2)):
        for _ in range(requests):
            usage.count(plan, ClientRequest({}))
    found = {(metric.name, field): n for metric, (field, _), n in usage.samples()}
    assert found["gateway_field_requests", "Video.title"] == 5
    assert found["gateway_deprecated_field_requests", "Video.title"] == 2
