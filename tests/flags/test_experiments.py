"""Exposures: who has met a variant, once for a time, and only where something was asked that depended on it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from gateway.auth.principal import Principal
from gateway.client.flags import DecidedFlag
from gateway.client.request import ClientRequest
from gateway.client.targeting import TargetingKeys
from gateway.flags.asked import FlagContexts
from gateway.flags.decide import Flags
from gateway.flags.settings import FlagSettings
from gateway.observe.experiment_settings import ExperimentSettings
from gateway.observe.experiments import Experiments
from gateway.response.record import OperationRecord
from gateway.testing import FakeAnswer, GatewayClient
from tests.flags.scenes import FLAGS, SDL, SOURCES, flag, for_tenant, served
from tests.flags.test_requests import slow_search

STATS, SEARCH = "{ stats { views } }", '{ search(q: "x") { id } }'
DRAWN = {
    **FLAGS,
    "ranking": flag({"date": "by-date", "score": "by-score"}, "date", for_tenant("a", "score")),
    "new-stats": flag({"on": True, "off": False}, "off", {"if": [{"var": "tenant"}, "on", None]}),
}


def experiment(
    folder: Path, python: str = "", sources: Any = SOURCES, **more: Any
) -> GatewayClient:
    """The gateway with an experiment, whose file is `events.jsonl`."""
    settings = {"file": str(folder / "events.jsonl"), "ids": "plain", "goals": ["Mutation.order"]}
    tables = {"experiments": {**settings, **more}}
    return served(folder, flags=DRAWN, tables=tables, python=python, sources=sources)


def events(folder: Path) -> list[dict[str, Any]]:
    """What was written, without the time."""
    path = folder / "events.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [{n: v for n, v in json.loads(line).items() if n != "time"} for line in lines]


def visitor(name: str, tenant: str = "a") -> Mapping[str, str]:
    """Headers of a client."""
    return {"x-visitor": name, "x-tenant": tenant}


def exposure(unit: str, name: str, variant: str) -> dict[str, Any]:
    """A line."""
    return {
        "event": "exposure", "unit": f"anonymous:{unit}", "flag": name, "variant": variant, "reason": "TARGETING_MATCH",
    }  # fmt: skip


async def test_an_exposure_is_written_once_where_the_field_was_resolved(tmp_path: Path) -> None:
    async with experiment(tmp_path) as client:
        for name in ("v1", "v1", "v2"):
            await client.execute(SEARCH, headers=visitor(name))
        await client.execute(STATS, headers=visitor("v1"))
        await client.execute("{ version }", headers=visitor("v3"))
        await client.execute("{ search @skip(if: true) { id } version }", headers=visitor("v4"))
    assert events(tmp_path) == [
        exposure("v1", "ranking", "score"),
        exposure("v2", "ranking", "score"),
        exposure("v1", "new-stats", "on"),
    ]


async def test_who_was_put_nowhere_by_a_rule_or_is_nobody_is_not_written(tmp_path: Path) -> None:
    async with experiment(tmp_path) as client:
        await client.execute(SEARCH, headers=visitor("v1", "other"))
        await client.execute(SEARCH, headers={"x-tenant": "a"})
        samples = dict(s[1:] for s in client.app.worker.experiments.samples())  # type: ignore[union-attr]
    assert events(tmp_path) == []
    assert samples["ranking", "score", "ok"] == 1


async def test_all_who_share_an_execution_have_met_its_variant(tmp_path: Path) -> None:
    sources = {**SOURCES, "rest": {**SOURCES["rest"], "GET /search": slow_search}}
    async with experiment(tmp_path, sources=sources) as client:
        names = [f"v{number}" for number in range(4)]
        await asyncio.gather(*(client.execute(SEARCH, headers=visitor(name)) for name in names))
        assert len(client.sources["rest"].calls) == 1
    units = [f"anonymous:{name}" for name in names]
    assert sorted(line["unit"] for line in events(tmp_path)) == units


async def test_a_goal_is_a_mutation_that_succeeds_or_what_python_says(tmp_path: Path) -> None:
    python = """
from decimal import Decimal
from gateway import resolver
@resolver("Query.version", vary=())
def version(parent, context):
    context.track("visit", Decimal("2.5"), page="home")
    return "1"
"""
    async with experiment(tmp_path, python=python) as client:
        await client.execute('mutation { order(id: "1") }', headers=visitor("v1"))
        await client.execute("{ version }", headers=visitor("v1"))
        await client.execute("{ version }")
    goal = {"event": "goal", "unit": "anonymous:v1"}
    assert events(tmp_path) == [
        {**goal, "goal": "Mutation.order", "value": None},
        {**goal, "goal": "visit", "value": 2.5},
    ]


async def test_a_mutation_that_fails_reaches_no_goal(tmp_path: Path) -> None:
    sources = {**SOURCES, "rest": {"POST /orders": FakeAnswer(status=500)}}
    async with experiment(tmp_path, sources=sources) as client:
        await client.execute('mutation { order(id: "1") }', headers=visitor("v1"))
    assert events(tmp_path) == []


async def test_a_mutation_that_was_skipped_reaches_no_goal(tmp_path: Path) -> None:
    async with experiment(tmp_path) as client:
        for rule in ("@skip(if: true)", "@include(if: false)"):
            query = f'mutation {{ order(id: "1") {rule} __typename }}'
            assert (await client.execute(query, headers=visitor("v1"))).errors == []
        assert events(tmp_path) == []
        await client.execute('mutation { mine: order(id: "1") }', headers=visitor("v1"))
    assert [line["goal"] for line in events(tmp_path)] == ["Mutation.order"]


def noting(folder: Path, now: list[float], **settings: Any) -> Experiments:
    """Experiments whose clock stands still."""
    own = ExperimentSettings(file=str(folder / "events.jsonl"), **settings)
    keys = TargetingKeys("header:x-visitor")
    return Experiments(own, keys, Flags(FlagSettings(), keys, None), lambda: now[0])


def note(experiments: Experiments, name: str, variant: str = "on") -> bool:
    """Whether a client has met a variant for the first time."""
    client = ClientRequest({"x-visitor": name})
    client.flags = {"new": DecidedFlag(True, variant, "SPLIT")}
    record = OperationRecord()
    record.exposed = frozenset({"new", "not-decided"})
    return bool(experiments.note(record, client, "ok", 0.01))


async def test_an_exposure_counts_again_after_its_window(tmp_path: Path) -> None:
    now = [1000.0]
    experiments = noting(tmp_path, now, window_s=60, max_remembered=2)
    assert [note(experiments, "v1"), note(experiments, "v1"), note(experiments, "v1", "off")] == [
        True,
        False,
        True,
    ]
    now[0] += 61
    assert note(experiments, "v1")
    for name in ("v2", "v3"):
        note(experiments, name)
    assert len(experiments._met) == 2
    await experiments.aclose()
    assert len(events(tmp_path)) == 5


async def test_ids_are_hashed_unless_they_are_asked_for(tmp_path: Path) -> None:
    experiments = noting(tmp_path, [0.0], salt="s")
    note(experiments, "someone@example.test")
    await experiments.aclose()
    (line,) = events(tmp_path)
    assert line["unit"] != "someone@example.test"
    assert len(line["unit"]) == 32
    assert "example" not in (tmp_path / "events.jsonl").read_text()


@pytest.mark.parametrize("ids", ["plain", "hashed"])
async def test_a_client_is_nobodys_principal_by_the_id_that_it_chose(
    tmp_path: Path, ids: Literal["plain", "hashed"]
) -> None:
    experiments = noting(tmp_path, [0.0], ids=ids)
    clients = [ClientRequest({"x-visitor": "user-42"}), ClientRequest({})]
    clients[1].principal = Principal(id="user-42", kind="user")
    assert len({experiments._unit_of(client) for client in clients}) == 2
    keys = TargetingKeys("header:x-visitor")
    assert {keys.of(client) for client in clients} == {"user-42"}, "a share is no protection"
    contexts = FlagContexts({}, keys)
    assert [contexts.of(one).attributes["isAuthenticated"] for one in clients] == [False, True]
    assert contexts.id_of(clients[0]) != contexts.id_of(clients[1])
    await experiments.aclose()


async def test_what_cannot_be_written_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    experiments = noting(tmp_path / "missing", [0.0])
    note(experiments, "v1")
    await experiments.aclose()
    assert "exposures are lost" in caplog.text
    assert [s[2] for s in experiments.samples() if s[0].name.endswith("lost")] == [1]


async def test_a_goal_whose_value_is_no_json_is_told_and_keeps_no_other_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    experiments = noting(tmp_path, [0.0])
    record = OperationRecord()
    record.tracked = [("bought", 10**30, {}), ("bid", math.inf, {}), ("seen", None, {})]
    experiments.note(record, ClientRequest({"x-visitor": "v1"}), "ok", 0.01)
    await experiments.aclose()
    assert [line["goal"] for line in events(tmp_path)] == ["seen"]
    assert "a line is left out" in caplog.text
    assert "the goal bid is left out" in caplog.text
    assert [s[2] for s in experiments.samples() if s[0].name.endswith("lost")] == [2]


async def test_a_goal_that_there_is_not_is_found(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"there is no Mutation\.ordre"):
        experiment(tmp_path, goals=["Mutation.ordre"])
    assert "order" in SDL
    with pytest.raises(ValueError, match="no field of Mutation"):
        ExperimentSettings(goals=("Query.a",))
