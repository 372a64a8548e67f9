"""The admin port's commands about workers, as the port gives them."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from gateway.admin.commands import Command, CommandError
from gateway.telemetry.logs import AccessLog
from gateway.telemetry.settings import LogSettings
from gateway.testing import GatewayClient
from tests.app.conftest import Live


async def command(client: GatewayClient, method: str, path: str, body: Any = UNSET) -> Any:
    """What one worker says to a command, or why it does not follow it."""
    done = await client.app.worker.commands.actions[method, path](Command("tests", body))
    if done.status == 200:
        (said,) = done.body["workers"].values()
        return said
    (why,) = done.body["failed"].values()
    return why


async def test_who_the_workers_are(live: Live) -> None:
    told = await command(live.client, "GET", "/admin/workers")
    assert told["ready"] is True
    assert told["digest"] == live.client.app.worker.serving().digest != ""


async def test_what_is_under_way(live: Live) -> None:
    waiting = asyncio.create_task(
        live.client.execute("query Slow { waits }", operation_name="Slow")
    )
    while "waits" not in live.told:
        await asyncio.sleep(0)
    (told,) = await command(live.client, "GET", "/admin/operations")
    assert (told["name"], told["type"]) == ("Slow", "query")
    assert told["seconds"] >= 0
    live.let_go()
    await waiting
    assert await command(live.client, "GET", "/admin/operations") == []


async def test_a_breaker_that_is_open_is_closed_by_command(live: Live) -> None:
    (policy,) = live.client.app.worker.upstream.policies
    breaker = policy.endpoints["GET /"].breaker
    breaker._open(0.0)
    assert await command(live.client, "GET", "/admin/breakers") == {"": {"GET /": "open"}}
    assert await command(live.client, "POST", "/admin/breakers/reset", {"source": ""}) == 1
    assert breaker.state == "closed"
    assert breaker.admit(0.0)
    why = await command(live.client, "POST", "/admin/breakers/reset", {"source": "shop"})
    assert "shop" in why
    asked = {"source": "", "endpoint": "GET /nope"}
    with pytest.raises(CommandError, match="no worker has called an endpoint of that name"):
        await command(live.client, "POST", "/admin/breakers/reset", asked)
    asked = {"source": "", "endpoint": "GET /"}
    assert await command(live.client, "POST", "/admin/breakers/reset", asked) == 0


async def test_a_log_level_is_set_and_given_back(live: Live) -> None:
    misspelt = {"logger": "gatway.tests", "level": "debug"}
    for _ in range(2):
        with pytest.raises(CommandError, match="no worker has a logger of that name"):
            await command(live.client, "POST", "/admin/log-level", misspelt)
    logging.getLogger("gateway.tests")
    body = {"logger": "gateway.tests", "level": "debug"}
    assert await command(live.client, "POST", "/admin/log-level", body) == "DEBUG"
    assert logging.getLogger("gateway.tests").isEnabledFor(logging.DEBUG)
    await command(live.client, "POST", "/admin/log-level", {**body, "level": ""})
    assert logging.getLogger("gateway.tests").level == logging.NOTSET
    assert "DEBUG" in await command(live.client, "POST", "/admin/log-level", {"level": "loud"})


@pytest.mark.parametrize("name", ["", "gateway.tests"])
async def test_a_logger_is_given_back_the_level_that_it_had(
    live: Live, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(name), "level", logging.WARNING)
    for level in ("", "debug", "info"):
        await command(live.client, "POST", "/admin/log-level", {"logger": name, "level": level})
    given = await command(live.client, "POST", "/admin/log-level", {"logger": name, "level": ""})
    assert (given, logging.getLogger(name).level) == ("WARNING", logging.WARNING)


async def test_what_was_asked_takes_no_member_of_the_audit_line(live: Live, tmp_path: Path) -> None:
    asked = {"level": "", "logger": logging.getLogger("gateway.tests").name}
    add = live.client.app.worker.commands.actions["POST", "/admin/log-level"]
    done = await add(Command("tests", asked))
    log = AccessLog(LogSettings(access="off", slow="off", audit=str(tmp_path / "audit.log")))
    log.write_audit("admin", {"by": "tests", "level": "DEBUG", "event": "forged", **done.audit})
    log.close()
    line = json.loads((tmp_path / "audit.log").read_text())
    assert (line["level"], line["event"], line["asked"]) == ("info", "admin", asked)


async def test_the_name_of_a_logger_is_no_text(live: Live) -> None:
    with pytest.raises(CommandError, match="length <= 200"):
        await command(live.client, "POST", "/admin/log-level", {"level": "", "logger": "a" * 201})


async def test_a_worker_stops_being_ready_and_serves_on(live: Live) -> None:
    assert await command(live.client, "POST", "/admin/drain") is False
    assert (await live.client.execute("{ box { old } }")).data == {"box": {"old": "o"}}
    assert await command(live.client, "POST", "/admin/drain", {"ready": True}) is True


@pytest.mark.parametrize("body", [[], 0, "", False, None])
async def test_readiness_stays_where_the_body_is_no_object(live: Live, body: Any) -> None:
    with pytest.raises(CommandError, match="Expected `object`"):
        await command(live.client, "POST", "/admin/drain", body)
    assert (await command(live.client, "GET", "/admin/workers"))["ready"] is True


async def test_a_command_of_another_shape_is_refused(live: Live) -> None:
    with pytest.raises(CommandError, match="unknown field"):
        await command(live.client, "POST", "/admin/drain", {"redy": True})
