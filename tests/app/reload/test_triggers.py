"""Reloads that no command asks for: whatever is under way when they are due, none of them is dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app.gateway import create_app
from gateway.app.reload.inputs import Origin
from gateway.app.reload.report import Report
from gateway.app.reload.settings import ReloadSettings
from gateway.app.reload.shelf import Shelf
from gateway.app.reload.triggers import Triggers
from gateway.testing import GatewayClient
from tests.app.conftest import Live, Project


@pytest.fixture
async def live(project: Project) -> AsyncIterator[Live]:
    project.write_config(
        "[reload]\nwatch = true\npoll_interval_s = 3600\n"
    )  # tests look themselves
    client = GatewayClient(project.config)
    client.app = create_app(project.config)
    async with client:
        yield Live(project, client)


async def serves(live: Live, member: str) -> bool:
    """Whether the type has a member."""
    return not (await live.client.execute(f"{{ box {{ {member} }} }}")).errors


async def test_files_that_change_while_another_reload_is_under_way_are_read_after_it(
    live: Live,
) -> None:
    triggers = live.reloader.triggers
    with live.reloader._shelf.turn():
        live.project.write_schema("new: String")
        for _ in range(3):
            await triggers.look()
    assert not await serves(live, "new")
    await triggers.look()
    assert await serves(live, "new")


async def test_a_signal_that_comes_while_another_reload_is_under_way_is_answered_after_it(
    live: Live,
) -> None:
    triggers = live.reloader.triggers
    await triggers.look()
    with live.reloader._shelf.turn():
        live.project.write_schema("new: String")
        await triggers.signal()
        await triggers.look()
    assert not await serves(live, "new")
    await triggers.look()
    assert await serves(live, "new")


@pytest.mark.parametrize(("may_pass", "reloads"), [(True, 4), (False, 1)])
async def test_files_are_tried_again_where_what_was_wrong_may_pass(
    tmp_path: Path, may_pass: bool, reloads: int
) -> None:
    done = []

    async def reload() -> Report:
        done.append(1)
        return Report("refused", may_pass=may_pass)

    settings = ReloadSettings(watch=True, prepare_timeout_s=1e-9)
    triggers = Triggers(reload, lambda: settings, Shelf(None), Origin(tmp_path / "none"), {})
    for _ in range(5):
        await triggers.look()
    assert len(done) == reloads


async def test_files_that_were_refused_are_not_tried_again_by_the_next_who_watches(
    live: Live,
) -> None:
    reloader = live.reloader
    live.project.write_schema("new: Missing")
    for _ in range(3):
        await reloader.triggers.look()
    assert reloader._counts["refused"] == 1
    settings, origin = reloader.revisions.served.config.reload, reloader._origin
    for number in (1, 2):
        successor = Triggers(reloader.reload, lambda: settings, reloader._shelf, origin, {})
        for _ in range(3):
            await successor.look()
        assert reloader._counts["refused"] == number
        live.project.write_schema("newer: Missing")
    assert reloader._counts["refused"] == 2


async def test_what_a_start_says_of_other_files_than_were_read_does_not_count(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start() -> list[str]:
        live.project.write_schema("newer: String")
        return []

    monkeypatch.setattr(live.reloader, "_errors_of_start", start)
    live.project.write_config("[subscription]\nmax_queue = 7\n")
    report = await live.reloader.reload()
    assert (report.result, report.may_pass) == ("refused", True)
    assert "have changed while" in report.errors[0]
    assert not await serves(live, "newer")
