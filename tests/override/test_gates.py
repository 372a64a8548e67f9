"""Evidence decides: a move goes back by itself, goes on where that is configured, and is told otherwise."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from graphql import parse

from gateway.admin.commands import Command
from gateway.app.override_commands import EvidenceCommand, OverrideCommands
from gateway.app.override_gates import OverrideGates
from gateway.app.reload.canary import Canary
from gateway.app.revision import Revision
from gateway.app.shadows import take_shadows
from gateway.cli.board import page, rows_of, told
from gateway.client.targeting import TargetingKeys
from gateway.errors import ConfigError
from gateway.graph.overrides import shadows_of
from gateway.override.evidence import Evidence, MoveEvidence, added
from gateway.override.gates import (
    PromoteSettings,
    RollbackSettings,
    next_step,
    why_back,
    why_not_on,
)
from gateway.override.interval import least_more, wilson
from gateway.testing import GatewayClient
from tests.override.scenes import LINK, REST, SOURCES
from tests.override.test_shadow import SAME, SDL, served, shadows

STATS = "{ stats { views likes } }"
ADMIN = {"admin": {"keys": {"me": "k" * 32}}}


def gates_of(client: GatewayClient) -> OverrideGates:
    """Those of the worker."""
    return OverrideCommands(client.app.worker, lambda: client.app.config).gates


async def compare(client: GatewayClient, times: int) -> None:
    """Have so many answers compared."""
    for _ in range(times):
        assert (await client.execute(STATS)).errors == []
        await shadows(client).drained()


def found(calls: int, differing: int = 0, errors: int = 0, noise: int = 0) -> MoveEvidence:
    """Evidence with these counts."""
    one = MoveEvidence(calls=calls, matches=calls - differing - errors)
    one.compared["a"], one.differing["a"], one.noise["a"] = calls - errors, differing, noise
    one.errors = Counter({"GATEWAY_TIMEOUT": errors})
    return one


@pytest.mark.parametrize(
    ("hits", "whole", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (10, 10, 0.7225, 1.0),
        (0, 10, 0.0, 0.2775),
        (81, 263, 0.2553, 0.3662),  # of R. G. Newcombe, 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
    ],
)
def test_the_interval_is_wilsons(hits: int, whole: int, low: float, high: float) -> None:
    assert wilson(hits, whole) == pytest.approx((low, high), abs=1e-4)


def test_a_move_goes_on_where_even_the_lower_end_is_good_enough() -> None:
    rule = PromoteSettings(calls=1_000, matches=0.99)
    assert why_not_on(found(999), rule) == "999 of 1000 comparisons"
    assert why_not_on(found(1_000), rule) is None
    assert why_not_on(found(1_000, differing=5), rule) == (
        "at least 98.83 % match, 99 % are needed: 166 more that match, and nothing else"
    )
    assert why_not_on(found(1_166, differing=5), rule) is None
    assert why_not_on(found(1_165, differing=5), rule) is not None
    assert why_not_on(found(1_000, differing=300, noise=300), rule) is None
    slow = found(1_000)
    slow.before.add(0.010)
    slow.after.add(0.020)
    assert (why_not_on(slow, rule) or "").startswith("p99 is")


def test_a_move_goes_back_where_even_the_upper_end_is_bad() -> None:
    rule = RollbackSettings(calls=50, matches=0.98, errors=0.05)
    assert why_back(found(49, errors=49), rule) is None
    assert why_back(found(100, differing=1), rule) is None
    assert "match" in (why_back(found(100, differing=20), rule) or "")
    assert "fail" in (why_back(found(100, errors=20), rule) or "")
    assert why_back(found(100, errors=100), RollbackSettings()) is None


@pytest.mark.parametrize(("matches", "calls"), [(0.999, 3_838), (0.9999, 38_411), (0.0, 1)])
def test_so_many_comparisons_have_to_match(matches: float, calls: int) -> None:
    rule = PromoteSettings(calls=1, matches=matches)
    assert why_not_on(found(calls), rule) is None
    assert least_more(0, 0, matches) == (calls if matches else 0)
    assert (why_not_on(found(calls - 1), rule) or "").endswith(
        "1 more that match, and nothing else" if matches else "0 of 1 comparisons"
    )


def test_a_gate_that_could_never_open_is_refused() -> None:
    with pytest.raises(ValueError, match="`matches` is at most"):
        PromoteSettings(calls=1, matches=1.0)


def test_steps_go_up() -> None:
    assert [next_step(share, PromoteSettings()) for share in (0, 100, 2_500, 10_000)] == [
        1, 5, 50, None,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="steps"):
        PromoteSettings(steps=(5, 1))


def test_what_several_workers_found_is_one_and_old_minutes_pass() -> None:
    one = Evidence("Query.a", "f")
    one.note(found(1, differing=1), 3, now=0.0)
    one.note(found(1), 3, now=40.0)
    assert one.recent(50.0).calls == 2
    assert one.recent(80.0).calls == 1
    assert one.recent(200.0).calls == 0
    said = json.loads(json.dumps(one.whole.as_json()))
    both = added([MoveEvidence.from_json(said)] * 2, 3)
    assert (both.calls, both.differing["a"]) == (4, 2)


async def test_a_new_source_that_gives_wrong_values_is_switched_off(tmp_path: Path) -> None:
    gate = {"calls": 10, "matches": 0.9}
    override = {"switches": "switches.json", "rollback_when": gate, "shadow": {"calls_per_s": 999}}
    labels = {"stats": True, "video": False}
    async with served(tmp_path, labels=labels, override=override, tables=ADMIN) as client:
        gates = gates_of(client)
        await compare(client, 9)
        await gates.look()
        assert (await client.execute(STATS)).data["stats"]["views"] == 10
        await compare(client, 20)
        await gates.look()
        assert (await client.execute(STATS)).data["stats"]["views"] == 1
        assert json.loads((tmp_path / "switches.json").read_text()) == {"stats": False}


async def test_a_move_goes_on_by_itself_only_where_that_is_configured(tmp_path: Path) -> None:
    for auto in (False, True):
        folder = tmp_path / str(auto)
        folder.mkdir()
        gate = {"calls": 20, "matches": 0.8, "p99_ratio": 0, "steps": [30, 100], "auto": auto}
        override = {
            "switches": "switches.json",
            "promote_when": gate,
            "shadow": {"calls_per_s": 999},
        }
        async with served(folder, rest=SAME, override=override, tables=ADMIN) as client:
            gates = gates_of(client)
            await compare(client, 20)
            assert (await gates.moves())["Query.stats"]["promote"] == {"to": 30, "lacks": None}
            await gates.look()
            assert client.app.worker.switches.shares == ({"stats": 3_000} if auto else {})
            calls = (await gates.moves())["Query.stats"]["calls"]
            assert calls == (0 if auto else 20), "the next step needs evidence of its own"


def climbing(folder: Path, name: str, *, auto: bool = True) -> GatewayClient:
    """One of the gateways that share a file of switches, with a gate of 20 comparisons."""
    (folder / name).mkdir()
    gate = {"calls": 20, "matches": 0.8, "p99_ratio": 0, "auto": auto}
    override = {
        "switches": str(folder / "shared.json"),
        "promote_when": gate,
        "shadow": {"calls_per_s": 9_999},
    }
    return served(folder / name, rest=SAME, override=override, tables=ADMIN)


async def test_gateways_that_share_the_switches_take_one_step_together(tmp_path: Path) -> None:
    async with climbing(tmp_path, "a") as one, climbing(tmp_path, "b") as other:
        for client in (one, other):
            await compare(client, 20)
        await gates_of(one).look()
        for _ in range(2):  # with the switches as they were, and as they are
            await gates_of(other).look()
            await other.app.worker.switches.look()
        assert json.loads((tmp_path / "shared.json").read_text()) == {"stats": "percent(1)"}
        assert other.app.worker.switches.shares == {"stats": 100}
        assert (await gates_of(other).moves())["Query.stats"]["calls"] == 0


async def test_a_step_by_hand_needs_evidence_of_its_own_too(tmp_path: Path) -> None:
    async with climbing(tmp_path, "a", auto=False) as client:
        commands = OverrideCommands(client.app.worker, lambda: client.app.config)
        await compare(client, 20)
        await commands.set_switch("stats", "percent(1)")
        move = (await commands.gates.moves())["Query.stats"]
        assert move["promote"] == {"to": 5, "lacks": "0 of 20 comparisons"}
        await compare(client, 2)
        await commands.set_switch("stats", False)
        assert (await commands.gates.moves())["Query.stats"]["calls"] == 2, (
            "why is still to be seen"
        )


async def test_a_step_by_a_reload_needs_evidence_of_its_own_too(tmp_path: Path) -> None:
    for name in ("now", "later"):
        (tmp_path / name).mkdir()
    labels = {"stats": "percent(5)", "video": False}
    later = served(tmp_path / "later", rest=SAME, labels=labels)
    async with served(tmp_path / "now", rest=SAME) as now, later:
        await compare(now, 2)
        before, after = now.app.worker.serving(), later.app.worker.serving()
        assert isinstance(before, Revision)
        assert isinstance(after, Revision)
        stepped = after.labels.stepped(before.labels)
        assert stepped == {"stats"}
        for of_labels, calls in ((stepped, 0), ((), 2)):
            take_shadows(after.schema, before.schema, of_labels)
            assert shadows_of(after.schema)["Query.stats"].whole.calls == calls


@pytest.mark.parametrize("label", ["stats", "*"])
async def test_a_gate_writes_over_no_kill_that_came_since_it_looked(
    tmp_path: Path, label: str
) -> None:
    async with climbing(tmp_path, "a") as client:
        await compare(client, 20)
        (tmp_path / "shared.json").write_text(json.dumps({label: False}))
        await gates_of(client).look()
        assert json.loads((tmp_path / "shared.json").read_text()) == {label: False}


@pytest.mark.parametrize("turns", range(6))
async def test_a_kill_beside_a_look_of_the_gate_is_never_lost(tmp_path: Path, turns: int) -> None:
    async with climbing(tmp_path, "a") as client:
        commands = OverrideCommands(client.app.worker, lambda: client.app.config)
        await compare(client, 20)
        looking = asyncio.ensure_future(commands.gates.look())
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.gather(commands.set_switch("stats", False), looking)
        assert json.loads((tmp_path / "shared.json").read_text()) == {"stats": False}


async def test_what_was_switched_off_stays_off(tmp_path: Path) -> None:
    (tmp_path / "switches.json").write_text('{"stats": false}')
    gate = {"calls": 5, "matches": 0, "p99_ratio": 0, "auto": True}
    override = {"switches": "switches.json", "promote_when": gate}
    async with served(tmp_path, rest=SAME, override=override, tables=ADMIN) as client:
        await compare(client, 6)
        await gates_of(client).look()
        assert client.app.worker.switches.shares == {"stats": 0}


async def test_a_move_that_a_canary_brings_is_told_and_goes_back(tmp_path: Path) -> None:
    for name in ("now", "tried"):
        (tmp_path / name).mkdir()
    sdl = "type Query { version: String @connect(source: %s, http: { GET: %s }, selection: %s) }"
    gate = {"calls": 10, "matches": 0.9}
    now = served(
        tmp_path / "now",
        sdl % ('"php"', '"/version.php"', '"$.version"'),
        labels={},
        override={"switches": "switches.json", "rollback_when": gate},
        tables=ADMIN,
    )
    fast = {"shadow": {"calls_per_s": 999}}
    labels = {"stats": "percent(50)", "video": False}
    tried = served(tmp_path / "tried", labels=labels, override=fast)
    async with now, tried:
        worker = now.app.worker
        before, after = worker.serving(), tried.app.worker.serving()
        assert isinstance(before, Revision)
        assert isinstance(after, Revision)
        commands = OverrideCommands(worker, lambda: now.app.config)
        await compare(tried, 20)
        assert await commands.gates.moves() == {}
        canary = worker.current.canary = Canary(before, after, 5, TargetingKeys(""))
        try:
            move = (await commands.gates.moves())["Query.stats"]
            assert (move["label"], move["share"], move["calls"]) == ("stats", 50.0, 20)
            shown = await worker.commands.actions["GET", "/admin/override"](Command("me"))
            assert sum(shown.body["decisions"]["stats"].values()) == 20
            await commands.gates.look()
            assert json.loads((tmp_path / "now" / "switches.json").read_text()) == {"stats": False}
            await commands.gates.begin_again("stats")
            assert (await commands.gates.moves())["Query.stats"]["calls"] == 0
        finally:
            worker.current.canary = None
            canary.end()


async def test_evidence_begins_again_by_command(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        await compare(client, 2)
        action = client.app.worker.commands.actions["POST", "/admin/override/evidence"]
        for label, calls in (("video", 2), ("stats", 0)):
            await action(Command("me", {"label": label}))
            assert (await gates_of(client).moves())["Query.stats"]["calls"] == calls
    assert EvidenceCommand().label is None


@pytest.mark.parametrize("lacks", ["switches", "admin"])
def test_a_gate_without_what_it_needs_ends_the_start(tmp_path: Path, lacks: str) -> None:
    override: dict[str, Any] = {"rollback_when": {"calls": 5}, "switches": "switches.json"}
    if lacks == "switches":
        del override["switches"]
    with pytest.raises(ConfigError, match=lacks):
        served(tmp_path, override=override, tables=ADMIN if lacks == "switches" else {})


BOARD = SDL.replace(
    "type Mutation",
    """extend type Query {
  a: Int @connect(source: "php", http: { GET: "/a" }, selection: "$")
    @connect(source: "rest", http: { GET: "/a" }, selection: "$") @override(from: "php")
  b: Int @connect(source: "php", http: { GET: "/b" }, selection: "$")
    @connect(source: "rest", http: { GET: "/b" }, selection: "$") @override(from: "php", label: "b")
  c: Int @connect(source: "php", http: { GET: "/c" }, selection: "$")
    @connect(source: "rest", http: { GET: "/c" }, selection: "$") @override(from: "php", label: "percent(20)")
}
type Mutation""",
)


async def test_the_board_has_each_move_at_its_stage(tmp_path: Path) -> None:
    labels = {"stats": False, "video": False, "b": False}
    override = {"switches": "switches.json"}
    (tmp_path / "switches.json").write_text('{"b": true}')
    async with served(tmp_path, BOARD, labels=labels, rest=REST, override=override) as client:
        await compare(client, 3)
        shown = client.app.worker.commands.actions["GET", "/admin/override"]
        said = json.loads(json.dumps((await shown(Command("me"))).body))
    rows = rows_of(parse(LINK + SOURCES + BOARD), labels, said)
    off = {**said, "switches": {**said["switches"], "*": False}}
    stages = {
        row.coordinate: row.stage for row in rows_of(parse(LINK + SOURCES + BOARD), labels, off)
    }
    assert (stages["Query.b"], stages["Query.c"]) == ("before", "before")
    assert {row.coordinate: row.stage for row in rows} == {
        "Mutation.touch": "before",
        "Query.videos": "before",
        "Query.stats": "shadow",
        "Video": "shadow",
        "Query.c": "percent",
        "Query.b": "moved",
        "Query.a": "deletable",
    }
    (stats,) = (row for row in rows if row.coordinate == "Query.stats")
    lines = told(stats)
    assert lines[0] == "Query.stats: php -> rest, shadow, 0 %"
    assert lines[1].startswith("  3 comparisons, 0.00 % match (0.00 to 56.15); p50/p99 old ")
    assert "  Stats.views: value 3" in lines
    html = page(rows, "<now>")
    assert html.count("<article>") == 7
    assert "&lt;now&gt;" in html
    assert "http" not in html
