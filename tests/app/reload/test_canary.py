"""A schema that some of the clients get first: who they are, what of it is counted, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.admin.commands import Command, CommandError
from gateway.app.gateway import create_app
from gateway.app.invalidation import SourceInvalidation
from gateway.app.reload import trials
from gateway.app.reload.canary import Verdict
from gateway.app.reload.report import Report
from gateway.app.reload.shelf import BusyError
from gateway.cli.reload import lines_of
from gateway.override.buckets import bucket_of, prefix_of
from gateway.telemetry.catalogue import METRICS
from gateway.telemetry.metrics import Registry, merge
from gateway.testing import GatewayClient
from tests.app.conftest import Live, Project
from tests.app.test_administration import command
from tests.transport.served import served
from tests.transport.sockets import connected

OLD, NEW = "{ box { old } }", "{ box { new } }"
CLIENTS = [f"client-{number}" for number in range(60)]
CONFIG = """
[server]
trusted_proxies = ["127.0.0.1"]
[override]
anonymous_id = "header:x-who"
[reload]
end_spread_s = 0
[reload.canary]
min_operations = 10
"""


@pytest.fixture
async def live(project: Project, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Live]:
    monkeypatch.setattr(trials, "LOOK_EVERY_S", 3600)  # tests look themselves
    project.write_config(CONFIG)
    client = GatewayClient(project.config)
    client.app = create_app(project.config)
    async with client:
        yield Live(project, client)


def is_in(digest: str, who: str, percent: float) -> bool:
    """Whether a client is in the canary, as anybody can compute it."""
    return bucket_of(prefix_of("canary", digest), who) < percent * 100


def headers_of(who: str) -> dict[str, str]:
    """Its id and its address."""
    return {"x-who": who, "x-forwarded-for": f"192.0.2.{CLIENTS.index(who)}"}


async def ask(live: Live, query: str, who: str) -> Any:
    """One client's request: what it says, without its errors' texts."""
    result = await live.client.execute(query, headers=headers_of(who))
    return None if result.errors else result.data


async def canary(live: Live, percent: float = 50, *, old: str = "String") -> Report:
    """Begin a canary."""
    live.project.write_schema("new: String", old=old)
    report = await live.reloader.reload(canary_percent=percent)
    assert (report.result, report.percent, report.workers) == ("trying", percent, 1)
    assert lines_of(report.as_json()) == [report.line(), "  graph.schema: the files: is tried"]
    return report


def counts(live: Live, metric: str) -> dict[tuple[str, ...], Any]:
    """A metric, as its reader gives it."""
    registry = Registry()
    registry.add(live.reloader.samples)
    registry.add(live.client.app.worker.metrics.samples_of_serving)
    found = merge([registry.snapshot()], METRICS)
    return {tuple(labels): value for labels, value in found.get(metric, ())}


async def test_a_client_has_one_schema_all_the_time_and_the_others_another(live: Live) -> None:
    report = await canary(live)
    inside = {who for who in CLIENTS if is_in(report.digest, who, 50)}
    assert 0 < len(inside) < len(CLIENTS)
    for _ in range(2):
        for who in CLIENTS:
            assert await ask(live, OLD, who) == {"box": {"old": "o"}}
            assert (await ask(live, NEW, who) is not None) is (who in inside)
    # Another schema is tried by other clients.
    assert inside != {who for who in CLIENTS if is_in("another", who, 50)}


async def test_equal_operations_of_both_schemas_are_not_executed_as_one(live: Live) -> None:
    report = await canary(live)
    inside = next(who for who in CLIENTS if is_in(report.digest, who, 50))
    outside = next(who for who in CLIENTS if not is_in(report.digest, who, 50))
    waiting = [
        asyncio.create_task(ask(live, "{ waits }", who))
        for who in (inside, inside, outside, outside)
    ]
    while live.told.count("waits") < 2:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    live.let_go()
    assert len({str(answer) for answer in await asyncio.gather(*waiting)}) == 1
    assert live.told.count("waits") == 2
    assert counts(live, "gateway_operation_dedupe") == {("leader",): 2, ("follower",): 2}


async def test_a_write_by_either_schema_ends_what_is_shared_by_both(live: Live) -> None:
    report = await canary(live)
    inside = next(who for who in CLIENTS if is_in(report.digest, who, 50))
    outside = next(who for who in CLIENTS if not is_in(report.digest, who, 50))
    reads = []
    for reader, writer in ((inside, outside), (outside, inside)):
        begun = len(live.told)
        reads.append(asyncio.create_task(ask(live, "{ waits }", reader)))
        while len(live.told) == begun:
            await asyncio.sleep(0)
        assert await ask(live, "mutation { count(n: 1) }", writer) == {"count": 1}
        # The first read may have seen what the mutation changed since.
        reads.append(asyncio.create_task(ask(live, "{ waits }", reader)))
        for _ in range(20):
            await asyncio.sleep(0)
    assert live.told.count("waits") == 4
    live.let_go()
    assert len(await asyncio.gather(*reads)) == 4


async def test_a_canary_with_more_errors_returns(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    report = await canary(live, old="Int")  # `old` is no number
    caplog.set_level(logging.INFO, "gateway.reload")
    for who in CLIENTS:
        assert (await ask(live, OLD, who) is None) is is_in(report.digest, who, 50)
        if live.reloader.revisions.compared["canary"].operations < 10:
            assert await live.reloader.trials.look()
            assert live.reloader.trials.current is not None
    await live.reloader.trials.look()
    assert live.reloader.trials.current is None
    for who in CLIENTS:
        assert await ask(live, OLD, who) == {"box": {"old": "o"}}
    inside = sum(is_in(report.digest, who, 50) for who in CLIENTS)
    record = [found for found in caplog.records if found.name == "gateway.reload"][-1]
    assert record.levelname == "ERROR"
    said = f"returned: {inside} of {inside} operations had errors, and 0 of {len(CLIENTS) - inside} operations"
    assert said in record.getMessage()
    reloads = counts(live, "gateway_reloads")
    assert (reloads["trying",], reloads["returned",], reloads["promoted",]) == (1, 1, 0)
    found = counts(live, "gateway_canary_operations")
    assert found["canary", "failed"] == inside
    assert found["others", "answered"] == len(CLIENTS) - inside
    await live.until_drained()
    assert counts(live, "gateway_revisions") == {(): 1}
    # The same files may be tried again.
    assert (await live.reloader.reload(canary_percent=5)).result == "trying"


async def test_ids_that_one_address_invents_are_one_client(live: Live) -> None:
    report = await canary(live)
    inside = [who for who in CLIENTS if is_in(report.digest, who, 50)]
    for who in inside:
        headers = {**headers_of(inside[0]), "x-who": who}
        assert (await live.client.execute("{ nope }", headers=headers)).errors
    for who in CLIENTS:
        assert await ask(live, OLD, who) == {"box": {"old": "o"}}
    assert live.reloader.revisions.compared["canary"].failed == len(inside)
    assert await live.reloader.trials.look()
    assert live.reloader.trials.current is not None


async def test_errors_that_both_have_are_no_reason(live: Live) -> None:
    report = await canary(live)
    for who in CLIENTS:
        assert await ask(live, "{ nothing }", who) is None
    assert await live.reloader.trials.look()
    assert live.reloader.trials.current is not None
    assert report.digest != live.reloader.revisions.served.digest


async def test_every_client_has_the_new_schema_when_the_window_is_over(live: Live) -> None:
    live.project.write_config(CONFIG + "window_s = 0.001\npercent = 50\n[limits]\nmax_depth = 7\n")
    live.project.write_schema("new: String")
    report = await live.reloader.reload()
    assert (report.result, report.percent) == ("trying", 50)
    before = live.client.app.worker.serving()
    for who in CLIENTS:
        await ask(live, OLD, who)
    lookups = sum(counts(live, "gateway_plan_cache_lookups").values())
    await asyncio.sleep(0.001)
    await live.reloader.trials.look()
    assert live.client.app.worker.serving() is not before
    assert live.client.app.config.limits.max_depth == 7
    assert sum(counts(live, "gateway_plan_cache_lookups").values()) == lookups
    for who in CLIENTS:
        assert await ask(live, NEW, who) == {"box": {"new": "n"}}
    assert counts(live, "gateway_reloads")["promoted",] == 1
    assert not await live.reloader.trials.look()


async def test_a_command_promotes_it_and_the_files_as_they_were_withdraw_it(live: Live) -> None:
    await canary(live)
    assert (await live.reloader.reload(canary_percent=7)).percent == 50  # it goes on
    assert counts(live, "gateway_reloads")["trying",] == 1
    live.project.write_schema("")
    assert (await live.reloader.reload()).result == "withdrawn"
    assert live.client.app.worker.current.canary is None
    await canary(live)
    report = await live.reloader.reload(canary_percent=0)
    assert (report.result, report.workers) == ("promoted", 1)
    assert all([await ask(live, NEW, who) for who in CLIENTS])


async def test_other_files_end_it_first(live: Live) -> None:
    first = await canary(live)
    live.project.write_schema("new: String newer: String")
    second = await live.reloader.reload(canary_percent=20)
    assert (second.result, second.digest != first.digest) == ("trying", True)
    live.project.write_schema("new: Missing")
    assert (await live.reloader.reload()).result == "refused"
    assert live.client.app.worker.current.canary is None
    assert counts(live, "gateway_reloads")["withdrawn",] == 2


async def test_the_admin_port_knows_what_the_canary_alone_has(live: Live) -> None:
    file = live.project.folder / "schema.graphql"
    source = 'extend schema @source(name: "c", http: {baseURL: "http://c.test"})\n'
    file.write_text(file.read_text() + source)
    assert (await live.reloader.reload(canary_percent=50)).result == "trying"
    worker = live.client.app.worker
    breakers = await command(live.client, "GET", "/admin/breakers")
    assert set(breakers) == {"", "c"}
    assert await command(live.client, "POST", "/admin/breakers/reset", {"source": "c"}) == 0
    purge = worker.commands.actions["POST", "/invalidation"]
    done = await purge(Command("me", body=[SourceInvalidation(subgraph="c")]))
    assert done.status == 202


async def test_nothing_is_checked_beside_it(live: Live) -> None:
    await canary(live)
    with pytest.raises(BusyError):
        await live.reloader.reload(check_only=True)
    assert live.client.app.worker.current.canary is not None


async def test_the_admin_port_shows_it(live: Live) -> None:
    actions = live.client.app.worker.commands.actions
    live.project.write_schema("new: String")
    reload = actions["POST", "/admin/reload"]
    for wrong in ({"canary": "101"}, {"canary": "5", "check": "true"}):
        with pytest.raises(CommandError):
            await reload(Command("tests", query=wrong))
    done = await reload(Command("tests", query={"canary": "62.5"}))
    assert (done.status, done.audit["result"], done.audit["percent"]) == (200, "trying", 62.5)
    who = next(who for who in CLIENTS if is_in(done.body["digest"], who, 62.5))
    await ask(live, NEW, who)
    shown = await actions["GET", "/admin/workers"](Command("tests"))
    (worker,) = shown.body["workers"].values()
    assert worker["canary"] == {
        "digest": done.body["digest"],
        "percent": 62.5,
        "canary": {"operations": 1, "failed": 0},
        "others": {"operations": 0, "failed": 0},
    }
    assert worker["digest"] != done.body["digest"]
    assert counts(live, "gateway_canary_percent") == {(): 62.5}


@pytest.mark.parametrize("end", ["returned", "promoted"])
async def test_subscriptions_of_both_go_on_when_it_ends(
    project: Project, monkeypatch: pytest.MonkeyPatch, end: Verdict
) -> None:
    monkeypatch.setattr(trials, "LOOK_EVERY_S", 3600)
    project.write_config(CONFIG)
    async with served(create_app(project.config)) as server:
        project.write_schema("new: String")
        reloader, worker = server.app.reloader, server.app.worker
        assert reloader is not None
        report = await reloader.reload(canary_percent=50)
        inside = next(who for who in CLIENTS if is_in(report.digest, who, 50))
        outside = next(who for who in CLIENTS if not is_in(report.digest, who, 50))
        async with (
            connected(server, headers={"x-who": inside}) as one,
            connected(server, headers={"x-who": inside}) as gone,
            connected(server, headers={"x-who": outside}) as other,
        ):
            query = 'subscription { boxes(of: "a") { old } }'
            await one.subscribe(query)
            await gone.subscribe('subscription { boxes(of: "a") { new } }')
            await other.subscribe(query)
            async with asyncio.timeout(30):
                while sum(len(s.subscriptions.open) for s in worker.current.all()) < 3:
                    await asyncio.sleep(0)
            await worker.broker.publish("boxes.a", {"old": "1", "new": "n"})
            for client in (one, gone, other):
                assert (await client.hear())["payload"]["data"]["boxes"]
            await reloader.trials.end(end)
            if end == "returned":
                heard = await gone.hear()
                (error,) = heard["payload"]
                assert error["extensions"]["code"] == "SUBSCRIPTION_SCHEMA_RELOAD"
            await worker.broker.publish("boxes.a", {"old": "2", "new": "n"})
            for client in (one, other):
                assert (await client.hear())["payload"]["data"] == {"boxes": {"old": "2"}}
