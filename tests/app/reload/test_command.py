"""`gateway reload`, as somebody at a terminal has it."""

from __future__ import annotations

import asyncio

import pytest
import typer

from gateway.cli.reload import percent_of
from tests.app.conftest import Project
from tests.cli.command import run_gateway

from .served import ADMIN_KEY, Server, server_of


async def reload(project: Project, server: Server, *options: str) -> tuple[int, str]:
    """Run the command; gives its exit code and what it says."""
    arguments = ["reload", "--config", str(project.config), "--url", server.admin_url, *options]
    env = {"GATEWAY_ADMIN__KEYS": f'{{"tests": "{ADMIN_KEY}"}}'}
    done = await asyncio.to_thread(run_gateway, *arguments, env=env)
    return done.returncode, done.stdout + done.stderr


async def test_the_command_says_what_came_of_it_and_what_each_change_needs(
    project: Project,
) -> None:
    async with server_of(project.config, workers=1) as server:
        project.write_schema("new: String")
        project.write_config("[limits]\nmax_depth = 9\n[subscription]\nmax_queue = 7\n")
        code, said = await reload(project, server, "--check")
        assert (code, "can be served" in said) == (0, True)
        code, said = await reload(project, server)
        assert code == 0
        assert "is served by 1 workers" in said
        assert "limits.max_depth: holds now" in said
        assert "subscription.max_queue: needs new workers" in said
        project.write_schema("new: Missing")
        code, said = await reload(project, server)
        assert code == 1
        assert "schema.graphql:5" in said
        assert "the version before goes on" in said
        code, said = await reload(project, server, "--url", "http://127.0.0.1:9")
        assert (code, "does not answer" in said) == (2, True)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0"), (100, "100"), (10, "10"), (5.5, "5.5"), (0.01, "0.01"), (99.99, "99.99")],
)
def test_a_share_is_sent_as_it_is_given(share: float, text: str) -> None:
    assert percent_of(share) == text


@pytest.mark.parametrize("share", [0.001, 0.004, 99.999, 5.123])
def test_a_share_that_would_be_rounded_is_refused(
    share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rounded, the first would be all clients at once."""
    with pytest.raises(typer.Exit):
        percent_of(share)
    assert "at most two decimals" in capsys.readouterr().err
