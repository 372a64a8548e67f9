"""A variant of a plan beside the others of it: what is denied, what is deferred, and what goes on."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.errors import ClientError
from gateway.execute.of_clients import MAX_OF_CLIENTS
from gateway.execute.prepared import Prepared
from gateway.language.document import load_document
from tests.override.scenes import LABELS, LINK, SOURCES, STATS, served

TICKS = """
from gateway import subscription
@subscription("Subscription.ticks", topic="ticks", vary=())
def ticks(event, context):
    return event
"""


async def test_a_subscription_keeps_its_variant_until_it_ends(tmp_path: Path) -> None:
    sdl = LINK + SOURCES + STATS % "stats" + "type Subscription { ticks: Tick } type Tick { n: Int "
    sdl += """stats: Stats
        @connect(source: "php", http: { GET: "/stats.php" }, selection: "views likes")
        @connect(source: "rest", http: { GET: "/stats" }, selection: "views: total.views likes: total.likes")
        @override(from: "php", label: "stats") }"""
    (tmp_path / "switches.json").write_text("{}")
    async with served(
        tmp_path,
        labels={**LABELS, "stats": True},
        python=TICKS,
        sdl=sdl,
        override={"switches": "switches.json"},
    ) as client:
        worker, query = client.app.worker, "subscription { ticks { n stats { views } } }"
        seen = []
        async with aclosing(client.subscribe(query)) as results:
            for number in range(2):
                task = asyncio.ensure_future(anext(results))
                while not worker.serving().subscriptions.open:
                    await asyncio.sleep(0)
                await worker.broker.publish("ticks", {"n": number})
                seen.append((await task).data["ticks"]["stats"]["views"])
                (tmp_path / "switches.json").write_text('{"stats": false}')
                await worker.switches.look()
        assert seen == [10, 10]
        assert (await client.execute("{ stats { views } }")).data["stats"]["views"] == 1


async def test_deferred_fields_have_the_variant_too(tmp_path: Path) -> None:
    labels = {**LABELS, "stats": True}
    tables = {"incremental": {"enabled": True}}
    async with served(tmp_path, "stats", labels=labels, tables=tables) as client:
        accept = {"accept": "multipart/mixed;incrementalSpec=v0.2"}
        body = {"query": "{ version ... @defer { stats { views } } }"}
        answer = await client.http.post(client.app.path, json=body, headers=accept)
        assert '"version":"php"' in answer.text
        assert '"views":10' in answer.text


async def test_what_is_denied_is_denied_of_each_variant(tmp_path: Path) -> None:
    sdl = LINK + SOURCES + (STATS % "stats").replace("length: Int", "length: Int @authenticated")
    query = "{ stats { views } videos { title length } }"
    for state, views, title in ((True, 10, "rest 1"), (False, 1, "php 1")):
        labels = {"stats": state, "video": state, "version": False}
        async with served(tmp_path, labels=labels, sdl=sdl) as client:
            for _ in range(2):
                result = await client.execute(query)
                assert result.data["stats"] == {"views": views}
                assert result.data["videos"][0] == {"title": title, "length": None}
                assert {error["extensions"]["code"] for error in result.errors} == {
                    "UNAUTHORIZED_FIELD_OR_TYPE"
                }


def prepared_of(folder: Path, query: str) -> Prepared:
    """An operation of the schema, as the plan cache keeps it."""
    client = served(folder, "stats", labels={**LABELS, "stats": False})
    schema = client.app.graph.schema
    assert schema is not None
    return Prepared(schema, load_document(query, schema, client.app.config.limits))


def test_a_plan_has_the_labels_of_what_it_reads_behind_the_scenes(tmp_path: Path) -> None:
    assert prepared_of(tmp_path, "{ stats { views } version }").labels == ("stats", "version")
    assert prepared_of(tmp_path, "{ videos { author } }").labels == ("video",)
    assert prepared_of(tmp_path, "{ videos { id old } }").labels == ()
    fragment = "{ ... on Query { ...F } } fragment F on Query { version }"
    assert prepared_of(tmp_path, fragment).labels == ("version",)


def test_variants_are_made_when_they_are_asked_for_and_bounded(tmp_path: Path) -> None:
    prepared = prepared_of(tmp_path, "{ stats { views } version }")
    assert prepared.overridden((), None) is prepared
    one = prepared.overridden(("stats",), None)
    assert one is not prepared
    assert prepared.overridden(("stats",), None) is one
    for number in range(MAX_OF_CLIENTS):
        prepared.overridden((f"label-{number}",), None)
    assert prepared.overridden(("stats",), None) is not one
    assert len(prepared._of_clients.all()) == MAX_OF_CLIENTS


def test_the_plan_is_printed_for_labels_that_are_on(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text(LINK + SOURCES + STATS % "stats")
    (tmp_path / "gateway.toml").write_text(
        'graph = { schema = "schema.graphql" }\n[override.labels]\nstats = true\nversion = true\nvideo = true\n'
    )
    command = ["plan", "{ stats { views } version }", "--config", str(tmp_path / "gateway.toml")]
    plain = CliRunner().invoke(app, command).stdout
    assert "labels of @override: stats off, version off" in plain
    assert "GET /stats.php of php" in plain
    moved = CliRunner().invoke(app, [*command, "--override", "stats"]).stdout
    assert moved.startswith("query with stats\n")
    assert "GET /stats of rest" in moved
    assert "GET /version.php of php" in moved
    refused = CliRunner().invoke(app, [*command, "--override", "stat"])
    assert refused.exit_code == 2
    assert "no field of the operation has the label stat; its labels: stats, version" in (
        refused.stderr
    )


async def test_too_many_variants_for_one_client_are_refused(tmp_path: Path) -> None:
    limits = {"limits": {"plan_cpu_share": 0.0001}}
    async with served(tmp_path, "stats", labels={**LABELS, "stats": True}, tables=limits) as client:
        plans = client.app.worker.serving().pipeline.plans
        prepared = plans.lookup("{ stats { views } }", None, "someone").value

        def make_many() -> None:
            for number in range(500):
                prepared.overridden((f"label-{number}",), "someone")

        with pytest.raises(ClientError) as refused:
            make_many()
        assert refused.value.code == "UNCACHED_DOCUMENTS_LIMIT"


async def test_the_variant_of_labels_that_are_on_for_all_is_made_before_anybody_asks(
    tmp_path: Path,
) -> None:
    (tmp_path / "warm.graphql").write_text("{ stats { views } version }")
    tables = {"plan_cache": {"warm": ["warm.graphql"]}}
    labels = {**LABELS, "stats": "percent(100)"}
    async with served(tmp_path, "stats", labels=labels, tables=tables) as client:
        plans = client.app.worker.serving().pipeline.plans
        found = plans.known("{ stats { views } version }", None)
        assert found is not None
        (made,) = found.value._of_clients.all()
        assert made.overrides == ("stats",)
        await client.execute("{ stats { views } version }")
        assert found.value._of_clients.all() == [made]
