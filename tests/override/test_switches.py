"""The kill switch: a file that every worker follows, and the commands that write it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from gateway.admin.commands import Command, CommandError
from gateway.app.gateway import create_app
from gateway.app.override_commands import OverrideCommands, SwitchCommand
from gateway.errors import ConfigError
from gateway.override.switches import Switches, read_switches, write_switch
from gateway.settings import whole_file
from gateway.testing import GatewayClient
from tests.cli.command import run_gateway
from tests.override.scenes import LABELS, LINK, PHP, REST, SOURCES, served
from tests.override.scenes import STATS as STATS_SDL
from tests.platform.processes import answers, free_port, started, wait_until
from tests.support.backend import backend

STATS = "{ stats { views } }"
FILE = {"switches": "switches.json"}


async def test_a_switch_decides_for_all_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "switches.json"
    async with served(tmp_path, "percent(100)", override=FILE) as client:
        switches = client.app.worker.switches
        for rule, views in ((False, 1), ("percent(100)", 10), ("percent(0)", 1), (None, 10)):
            write_switch(path, "percent(100)", rule)
            await switches.look()
            assert (await client.execute(STATS)).data["stats"]["views"] == views
        write_switch(path, "*", False)
        await switches.look()
        assert (await client.execute(STATS)).data["stats"]["views"] == 1
        path.write_text("{}")
        await switches.look()
        assert (await client.execute(STATS)).data["stats"]["views"] == 10


async def test_a_switch_off_is_stronger_than_a_tester(tmp_path: Path) -> None:
    (tmp_path / "switches.json").write_text('{"percent(100)": false}')
    env = {"GATEWAY_OVERRIDE_SECRET": "s" * 16}
    override = {**FILE, "header": "secret"}
    headers = {"x-gateway-override": "percent(100)=on", "x-gateway-override-secret": "s" * 16}
    async with served(tmp_path, "percent(100)", override=override, env=env) as client:
        assert (await client.execute(STATS, headers=headers)).data["stats"]["views"] == 1


@pytest.mark.parametrize(
    ("switches", "views"),
    [
        ({"*": False, "percent(100)": True}, 1),
        ({"*": "percent(0)", "percent(100)": "percent(100)"}, 1),
        ({"*": True, "percent(100)": False}, 1),
        ({"*": True}, 10),
        ({"*": False}, 1),
    ],
)
async def test_off_for_every_label_comes_first(
    tmp_path: Path, switches: dict[str, bool | str], views: int
) -> None:
    (tmp_path / "switches.json").write_text(json.dumps(switches))
    env = {"GATEWAY_OVERRIDE_SECRET": "s" * 16}
    override = {**FILE, "header": "secret"}
    headers = {"x-gateway-override": "percent(100)=on", "x-gateway-override-secret": "s" * 16}
    async with served(tmp_path, "percent(100)", override=override, env=env) as client:
        for sent in ({}, headers):
            assert (await client.execute(STATS, headers=sent)).data["stats"]["views"] == views


async def test_off_for_every_label_is_off_after_a_gate_has_put_one_on(tmp_path: Path) -> None:
    python = """
from gateway import override_label
@override_label("stats")
def stats(context): return True
"""
    async with served(tmp_path, "stats", python=python, override=FILE) as client:
        switch = client.app.worker.commands.actions["POST", "/admin/override"]
        for label, rule, views in (
            (None, None, 10),
            ("stats", True, 10),
            ("*", False, 1),
            ("stats", True, 1),
            ("*", None, 10),
        ):
            if label:
                await switch(Command("me", {"label": label, "rule": rule}))
            assert (await client.execute(STATS)).data["stats"]["views"] == views


async def test_a_label_of_no_schema_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    file = tmp_path / "switches.json"
    file.write_text('{"gone": true}')
    async with served(tmp_path, override=FILE) as client:
        actions = client.app.worker.commands.actions
        switch = actions["POST", "/admin/override"]
        await client.execute(STATS)
        why = (
            r"no @override has the label `versoin`: did you mean `version`\? "
            r"there are percent\(50\), version, video"
        )
        for rule in (False, True, None):
            with pytest.raises(CommandError, match=why):
                await switch(Command("me", {"label": "versoin", "rule": rule}))
        with pytest.raises(CommandError, match=why):
            await actions["POST", "/admin/override/evidence"](Command("me", {"label": "versoin"}))
        with pytest.raises(CommandError, match="no @override has the label `gone`"):
            await switch(Command("me", {"label": "gone", "rule": False}))
        assert json.loads(file.read_text()) == {"gone": True}
        await switch(Command("me", {"label": "gone", "rule": None}))
        await switch(Command("me", {"label": "version", "rule": None}))
        assert json.loads(file.read_text()) == {}


async def test_a_file_of_no_use_stops_no_kill(tmp_path: Path) -> None:
    file = tmp_path / "switches.json"
    file.write_text('{"version": "percent(12.5)"}')
    async with served(tmp_path, "percent(100)", override=FILE) as client:
        actions = client.app.worker.commands.actions
        switch, show = actions["POST", "/admin/override"], actions["GET", "/admin/override"]
        assert (await client.execute(STATS)).data["stats"]["views"] == 10
        file.write_text('{"version": tru}')
        shown = (await show(Command("me"))).body
        assert shown["switches"] == {"version": "percent(12.5)"}
        assert f"{file} is of no use" in shown["unusable"]
        for rule in (True, None):
            with pytest.raises(CommandError, match=r"switches\.json: JSON is malformed"):
                await switch(Command("me", {"label": "version", "rule": rule}))
        await switch(Command("me", {"label": "*", "rule": False}))
        assert json.loads(file.read_text()) == {"version": "percent(12.5)", "*": False}
        assert (await client.execute(STATS)).data["stats"]["views"] == 1


async def test_a_switch_of_another_label_leaves_a_tester_its_own(tmp_path: Path) -> None:
    (tmp_path / "switches.json").write_text('{"version": false}')
    env = {"GATEWAY_OVERRIDE_SECRET": "s" * 16}
    override = {**FILE, "header": "secret"}
    headers = {"x-gateway-override": "percent(0)=on", "x-gateway-override-secret": "s" * 16}
    async with served(tmp_path, "percent(0)", override=override, env=env) as client:
        assert (await client.execute(STATS, headers=headers)).data["stats"]["views"] == 10


async def test_a_file_of_no_use_changes_nothing_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "switches.json"
    write_switch(path, "stats", False)
    switches = Switches(path)
    path.write_text('{"stats": "maybe"}')
    await switches.look()
    assert switches.shares == {"stats": 0}
    assert "is invalid; the last one stays in use" in caplog.text
    with pytest.raises(ConfigError, match="decides no label"):
        Switches(path)


def test_a_write_is_refused_that_could_not_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "switches.json"
    write_switch(path, "a", True)
    for label, rule in (("1", True), ("a", "percent(200)"), ("a", "b")):
        with pytest.raises(ValueError, match="percent"):
            write_switch(path, label, rule)
    assert read_switches(path.read_bytes()) == {"a": True}
    assert [file.name for file in tmp_path.iterdir()] == ["switches.json"]


async def test_the_command_writes_and_tells_why_not(tmp_path: Path) -> None:
    async with served(tmp_path, "percent(100)", override=FILE) as client:
        actions = client.app.worker.commands.actions
        await client.execute(STATS)
        body = {"label": "percent(100)", "rule": False}
        done = await actions["POST", "/admin/override"](Command("me", body))
        assert (done.status, done.audit) == (200, body)
        assert (await client.execute(STATS)).data["stats"]["views"] == 1
        shown = await actions["GET", "/admin/override"](Command("me"))
        assert shown.body == {
            "switches": {"percent(100)": False},
            "decisions": {"percent(100)": {"on": 1, "off": 1}},
            "moves": {},
        }
        with pytest.raises(CommandError, match="percent"):
            await actions["POST", "/admin/override"](Command("me", {**body, "rule": "b"}))
    async with served(tmp_path, "percent(100)") as client:
        actions = client.app.worker.commands.actions
        with pytest.raises(CommandError, match=r"override\.switches names no file"):
            await actions["POST", "/admin/override"](Command("me", body))
    assert SwitchCommand("a", rule=None).rule is None


CONFIG = """
[graph]
schema = ["schema.graphql"]
[server]
port = {port}
workers = 2
[admin]
keys = {{ script = "{key}" }}
port = {admin}
[override]
anonymous_id = "header:x-visitor"
switches = "switches.json"
[telemetry.metrics]
enabled = false
[logs]
access = "off"
audit = "audit.log"
"""
SCHEMA = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "old", http: {{ baseURL: "{url}" }})
  @source(name: "new", http: {{ baseURL: "{url}" }})
type Query {{ side: String
    @connect(source: "old", http: {{ GET: "/old" }}, selection: "$.side")
    @connect(source: "new", http: {{ GET: "/new" }}, selection: "$.side")
    @override(from: "old", label: "percent(50)") }}
"""


async def test_workers_agree_on_every_visitor_and_follow_a_switch_at_once(tmp_path: Path) -> None:
    answered = {"/old": {"side": "old"}, "/new": {"side": "new"}}
    async with backend(answered) as source:
        port, admin = free_port(), free_port()
        (tmp_path / "schema.graphql").write_text(SCHEMA.format(url=source.url))
        (tmp_path / "gateway.toml").write_text(CONFIG.format(port=port, admin=admin, key="k" * 32))
        environment = {**os.environ, "TMPDIR": "/tmp"}  # the run directory's path has to be short
        serve, log = [sys.executable, "-m", "gateway", "serve"], tmp_path / "serve.log"
        url = f"http://127.0.0.1:{port}"

        async def ask(visitor: str) -> str:
            async with (
                httpx.AsyncClient() as client
            ):  # a connection, and perhaps a worker, of its own
                headers = {"x-visitor": visitor}
                body = {"query": "{ side }"}
                found = await client.post(f"{url}/graphql", json=body, headers=headers)
            return str(found.json()["data"]["side"])

        async def command(*words: str) -> subprocess.CompletedProcess[str]:
            return await asyncio.to_thread(run_gateway, "migrate", *words, cwd=tmp_path)

        def is_up() -> bool:
            return "Ctrl-C" in log.read_text() and answers(f"{url}/health/ready")

        sides = []
        for run in range(2):
            log.write_text("")
            with started(*serve, log=log, cwd=tmp_path, env=environment):
                await asyncio.to_thread(wait_until, is_up, "it")
                for _ in range(3):
                    sides.append([await ask(f"v{number}") for number in range(8)])
                if run:  # a switch survives a restart
                    assert {side for one in sides[3:] for side in one} == {"old"}
                    continue
                assert sides[0] == sides[1] == sides[2]
                assert set(sides[0]) == {"old", "new"}
                done = await command("switch", "percent(50)", "off")
                assert (done.returncode, done.stdout) == (0, "switched: percent(50) off\n")
                assert {await ask(f"v{number}") for number in range(8)} == {"old"}
                told = (await command("status")).stdout
                assert told.startswith("percent(50): on for ")
                assert "switched: percent(50) off" in told
        lines = [json.loads(text) for text in (tmp_path / "audit.log").read_text().splitlines()]
        audited = [(line["label"], line["rule"]) for line in lines if "rule" in line]
        assert audited == [("percent(50)", False)]


async def test_another_share_needs_a_reload_only(tmp_path: Path) -> None:
    (tmp_path / "schema.graphql").write_text(LINK + SOURCES + STATS_SDL % "stats")
    file = tmp_path / "gateway.toml"
    text = 'graph = { schema = "schema.graphql" }\n[logs]\naccess = "off"\n[telemetry.metrics]\nport = 0\n'
    text += "[override.labels]\nversion = false\nvideo = false\nstats = %s\n"
    file.write_text(text % "false")
    sources = {"php": PHP, "rest": REST}
    client = GatewayClient(file, sources=sources)
    played = client.app.transports
    client.app = create_app(file)
    client.app.transports = played
    async with client:
        assert (await client.execute(STATS)).data["stats"]["views"] == 1
        file.write_text(text % '"percent(100)"')
        assert client.app.reloader is not None
        assert (await client.app.reloader.reload()).result == "reloaded"
        assert (await client.execute(STATS)).data["stats"]["views"] == 10
        assert client.app.worker.serving().labels.counts == {
            ("stats", False): 1,
            ("stats", True): 1,
        }


def test_a_link_to_the_file_stays_one(tmp_path: Path) -> None:
    shared = tmp_path / "shared" / "s.json"
    shared.parent.mkdir()
    link = tmp_path / "switches.json"
    link.symlink_to(shared)
    for label in ("a", "b"):
        write_switch(link, label, rule=False)
    assert link.is_symlink()
    assert json.loads(shared.read_text()) == {"a": False, "b": False}
    assert [path.name for path in shared.parent.iterdir()] == ["s.json"]


def test_a_lock_that_another_keeps_stops_no_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_file, "LOCK_WAIT_S", 0)
    path = tmp_path / "switches.json"
    with whole_file.alone(path):
        with pytest.raises(BlockingIOError, match="another process has a lock"):
            write_switch(path, "a", rule=True)
        assert write_switch(path, "a", rule=False) == {"a": False}
    assert write_switch(path, "a", rule=True) == {"a": True}


@pytest.mark.parametrize("lost", ["empty", "gone", "folder gone"])
async def test_what_is_off_stays_off_where_the_file_is_lost(
    tmp_path: Path, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "shared" / "switches.json"
    path.parent.mkdir()
    path.write_text('{"stats": false}')
    labels = {**LABELS, "stats": True}
    override = {"switches": str(path)}
    async with served(tmp_path, "stats", labels=labels, override=override) as client:
        commands = OverrideCommands(client.app.worker, lambda: client.app.config)
        switches = client.app.worker.switches
        if lost == "empty":
            path.write_text("")
        else:
            path.unlink()
        if lost == "folder gone":
            path.parent.rmdir()
        await switches.look()
        assert switches.shares == {"stats": 0}
        assert "stays in use" in caplog.text
        assert "is of no use" in commands._written()[1]
        if lost != "folder gone":
            with suppress(CommandError):  # an empty one is refused: somebody may write it just now
                await commands.set_switch("other", True)
            assert switches.shares["stats"] == 0
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
        await switches.look()
        assert switches.shares == {}


async def test_an_empty_file_that_has_said_nothing_yet_is_none(tmp_path: Path) -> None:
    path = tmp_path / "switches.json"
    path.touch()
    switches = Switches(path)
    assert switches.shares == {}
    assert write_switch(path, "a", rule=True) == {"a": True}
