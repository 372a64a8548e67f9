"""`POST /invalidation`: what the scripts of other gateways send, and what it does; over real workers too."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import build_schema

from gateway.admin.commands import Command, CommandError, Commands, Done
from gateway.app.invalidation import Invalidator
from tests.platform.processes import answers, free_port, started, wait_until
from tests.support.backend import Answer, backend

KEY = "k" * 32
CONFIG = """
[graph]
schema = ["schema.graphql"]
[server]
port = {port}
workers = 2
[admin]
keys = {{ script = "{key}" }}
port = {admin}
[sources.s.cache]
enabled = true
[telemetry.metrics]
enabled = false
[logs]
access = "off"
audit = "audit.log"
"""
SCHEMA = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "s", http: {{ baseURL: "{url}" }})
type Query {{ number: Int @connect(source: "s", http: {{ GET: "/n" }}, selection: "$.number") }}
"""


SERVED = build_schema(
    "type Query { user: User } type User { id: ID named: Named } interface Named { id: ID }"
)
TRIED = build_schema("type Query { user: User } type User { key: ID }")


def deep(levels: int) -> Any:
    """Lists inside each other."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


class Purges:
    """Writes down what is purged."""

    def __init__(self, *, is_told: bool = True) -> None:
        self.tags: list[str] = []
        self._is_told = is_told

    async def purge(self, tags: list[str]) -> bool:
        self.tags += tags
        return self._is_told

    async def invalidate(self, body: Any) -> Done:
        """Follow the command, with two sources."""
        commands = Commands()
        Invalidator(
            self.purge, lambda: ["a", "b"], lambda: [SERVED, TRIED], now=lambda: 17.5
        ).add_to(commands)
        return await commands.actions["POST", "/invalidation"](Command("script", body))


@pytest.mark.parametrize(
    ("item", "unknown"),
    [
        ({"kind": "type", "type": "User"}, []),
        ({"kind": "type", "type": "user"}, ["user"]),
        ({"kind": "type", "type": "Named"}, ["Named"]),  # answers have the types of their objects
        ({"kind": "key", "type": "User", "key": {"id": 1}}, []),
        ({"kind": "key", "type": "User", "key": {"key": 1}}, []),  # of the schema that is tried
        ({"kind": "key", "type": "User", "key": {"ID": 1, "id": 1}}, ["User.ID"]),
        ({"kind": "key", "type": "Usr", "key": {"id": 1}}, ["Usr"]),
        ({"kind": "subgraph"}, []),
    ],
)
async def test_what_no_schema_has_is_purged_and_told(
    item: dict[str, Any], unknown: list[str]
) -> None:
    """What was stored by a schema before, or by another pod's in a rollout, may have it."""
    purges = Purges()
    done = await purges.invalidate([{**item, "subgraph": "a"}] * 2)
    assert done.status == 202
    assert done.body == {"count": 1, **({"unknown": unknown} if unknown else {})}
    assert len(purges.tags) == 1


@pytest.mark.parametrize(
    ("item", "tags"),
    [
        ({"kind": "subgraph", "subgraph": "a"}, ["source a"]),
        ({"kind": "type", "subgraph": "a", "type": "User"}, ["type a User"]),
        ({"kind": "cache_tag", "subgraphs": ["a", "b"], "cache_tag": "t 1"}, ["tag a t 1", "tag b t 1"]),
        ({"kind": "cache_tag", "cache_tag": "t"}, ["tag a t", "tag b t"]),
        ({"kind": "cache_tag", "subgraph": "a", "cache_tag": "t", "soft": True}, ["stale 17.5 tag a t"]),
        ({"kind": "key", "subgraph": "b", "type": "User", "key": {"id": 7}}, ['key b User {"id":"7"}']),
    ],
)  # fmt: skip
async def test_an_invalidation_names_what_is_purged(item: dict[str, Any], tags: list[str]) -> None:
    memory = Purges()
    done = await memory.invalidate([item, item])
    assert memory.tags == tags
    assert (done.status, done.body) == (202, {"count": len(tags)})
    assert done.audit["purged"] == tags


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"kind": "entity"}, "Invalid value 'entity'"),
        ({"kind": "subgraph"}, "without a subgraph, or subgraphs, only a cache_tag is purged"),
        ({"kind": "type", "type": "User"}, "without a subgraph, or subgraphs"),
        ({"kind": "subgraph", "subgraphs": []}, "Expected `array` of length >= 1"),
        ({"kind": "subgraph", "subgraph": "a", "subgraphs": []}, "Expected `array` of length >= 1"),
        ({"kind": "type", "subgraphs": [], "type": "User"}, "Expected `array` of length >= 1"),
        (
            {"kind": "cache_tag", "subgraphs": [], "cache_tag": "t"},
            "Expected `array` of length >= 1",
        ),
        ({"kind": "cache_tag", "subgraph": None, "cache_tag": "t"}, "Expected `str`, got `null`"),
        ({"kind": "cache_tag", "subgraph": "", "cache_tag": "t"}, "Expected `str` of length >= 1"),
        (
            {"kind": "subgraph", "subgraph": "a", "cache_tag": "t"},
            "Object contains unknown field `cache_tag`",
        ),
        (
            {"kind": "type", "subgraph": "a", "type": "User", "key": {"id": 1}},
            "Object contains unknown field `key`",
        ),
        (
            {"kind": "cache_tag", "cache_tag": "t", "type": "User"},
            "Object contains unknown field `type`",
        ),
        (
            {"kind": "key", "subgraph": "a", "type": "User", "key": {}},
            "Expected `object` of length >= 1",
        ),
        (
            {"kind": "key", "subgraph": "a", "type": "User", "key": {"id": deep(900)}},
            "the body is nested deeper than 32",
        ),
        (
            {"kind": "key", "subgraph": "a", "type": "User", "key": {"id": float(2**70)}},
            "the number of id loses digits: send it as text",
        ),
        ({"kind": "subgraph", "subgraph": "c"}, "there is no source 'c'; declared: a, b"),
        ({"kind": "type", "subgraph": "a"}, "Object missing required field `type`"),
        ({"kind": "cache_tag", "subgraph": "a"}, "Object missing required field `cache_tag`"),
        ({"kind": "subgraph", "subgraph": "a", "tpye": "User"}, "Object contains unknown field"),
    ],
)
async def test_nothing_is_purged_where_one_of_them_is_wrong(
    item: dict[str, Any], message: str
) -> None:
    memory = Purges()
    body = [{"kind": "subgraph", "subgraph": "a"}, item]
    with pytest.raises(CommandError) as caught:
        await memory.invalidate(body)
    assert str(caught.value).startswith(message)
    assert memory.tags == []


async def test_a_purge_that_other_pods_have_not_heard_of_is_no_202() -> None:
    with pytest.raises(CommandError, match="the other pods are told when Redis answers") as caught:
        await Purges(is_told=False).invalidate([{"kind": "subgraph", "subgraph": "a"}])
    assert caught.value.status == 503


async def test_a_purge_at_the_admin_port_reaches_every_worker(tmp_path: Path) -> None:
    """Whichever worker has the port, and whichever answers: after the purge all of them ask once more."""
    number = 1

    def answer(_: Any) -> Answer:
        headers = (("content-type", "application/json"), ("cache-control", "max-age=600"))
        return Answer({"number": number}, headers=headers)

    async with backend(answer) as served:
        port, admin = free_port(), free_port()
        (tmp_path / "schema.graphql").write_text(SCHEMA.format(url=served.url))
        (tmp_path / "gateway.toml").write_text(CONFIG.format(port=port, admin=admin, key=KEY))
        environment = {
            **os.environ,
            "TMPDIR": "/tmp",
        }  # the path of the run directory has to be short
        command = [sys.executable, "-m", "gateway", "serve"]
        log = tmp_path / "serve.log"
        with started(*command, log=log, cwd=tmp_path, env=environment):
            url = f"http://127.0.0.1:{port}"
            await asyncio.to_thread(
                wait_until,
                lambda: "Ctrl-C" in log.read_text() and answers(f"{url}/health/ready"),
                "it",
            )

            async def ask() -> int:
                async with (
                    httpx.AsyncClient() as client
                ):  # a connection, and perhaps a worker, of its own
                    answered = await client.post(f"{url}/graphql", json={"query": "{ number }"})
                return int(answered.json()["data"]["number"])

            while len(served.asked) < 2:  # until both have it
                assert await ask() == 1
            number = 2
            assert await ask() == 1
            command = [sys.executable, "-m", "gateway", "cache", "purge", "--source", "s"]
            done = await asyncio.to_thread(
                subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, timeout=120
            )
            assert (done.returncode, done.stdout) == (0, "purged by 1 tags\n"), done.stderr
            while len(served.asked) < 4:
                assert await ask() in (1, 2)
            assert {await ask() for _ in range(8)} == {2}
        lines = [json.loads(text) for text in (tmp_path / "audit.log").read_text().splitlines()]
        (line,) = [line for line in lines if line["event"] == "admin"]
        assert (line["event"], line["by"], line["purged"]) == ("admin", "script", ["source s"])
