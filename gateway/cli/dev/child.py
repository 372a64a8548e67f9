"""One version of what is developed, in a process of its own: built, served, and ended when the next one answers.

It tells its parent one thing, once: that it answers, or the lines that say why it does not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import uvicorn

from gateway.app.config import Config
from gateway.app.gateway import Gateway
from gateway.app.mistakes import error_lines
from gateway.cli.dev.broken import BrokenApp
from gateway.cli.dev.status import DevStatus
from gateway.cli.options import config_path, read_config
from gateway.cli.serve import served_config
from gateway.errors import ConfigError
from gateway.telemetry.records import log_process

DRAIN_S = 2.0
"""How long requests of the version before may go on: a developer's own, not strangers'."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a child serves.

    Attributes:
        config: The configuration file, as it was given.
        schema: Schema files, as they were given.
        mock: Whether every value is made up.
        status: The file that its pages are told by.
        is_alone: Whether nothing else serves: then it serves what is wrong, if something is.
    """

    config: Path | None
    schema: tuple[Path, ...]
    mock: bool
    status: Path
    is_alone: bool


def serve_version(
    version: Version,
    sockets: list[socket.socket],
    channel: Connection,
    not_ours: Sequence[Connection],
) -> None:
    """Build and serve one version: what the child process runs.

    Args:
        version: What to serve.
        sockets: Bound.
        channel: To the parent; its end is the end.
        not_ours: The parent's own ends, which a fork has copied.
    """
    for connection in not_ours:
        connection.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until the server takes it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    schema = list(version.schema)
    path = config_path(version.config, schema)
    problems: list[str] = []

    def say(lines: Sequence[str]) -> None:
        problems.extend(lines)

    try:
        settings, base = read_config(version.config, schema)
        settings = for_development(settings)
        log_process(settings.logs)
        gateway = Gateway(settings, base, os.environ, mock=version.mock)
        gateway.dev_status = DevStatus(version.status).as_json
    except ConfigError as exc:
        problems = error_lines(exc, path)
    else:
        served = served_config(gateway)
        served.say = say
        try:
            _Server(served, channel, []).run(sockets)
        except SystemExit:  # what is wrong is among the problems
            pass
        else:
            if not problems:
                return
    if version.is_alone:
        shown = uvicorn.Config(BrokenApp(problems), lifespan="off", log_level="error")
        _Server(shown, channel, problems).run(sockets)
    else:
        channel.send(problems)


def for_development(config: Config) -> Config:
    """The configuration with what only a developer should see: unmasked errors, plans, timings."""
    return replace(
        config,
        errors=replace(config.errors, mask=False),
        explain=replace(config.explain, plan_header=True, trace_header="always"),
        server=replace(config.server, drain_timeout_s=DRAIN_S, shutdown_delay_s=0, workers=1),
        limits=replace(config.limits, introspection=True),
        http=replace(config.http, graphiql=True),
        logs=replace(config.logs, format="pretty"),
    )


class _Server(uvicorn.Server):
    """A server that tells its parent when it answers, and with what, and ends with it."""

    def __init__(
        self, config: uvicorn.Config, channel: Connection, problems: Sequence[str]
    ) -> None:
        super().__init__(config)
        self._channel = channel
        self._problems = problems

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and listen."""
        await super().startup(sockets)
        if self.started:
            self._channel.send(list(self._problems))
            # The parent sends nothing: what can be read is its end.
            asyncio.get_running_loop().add_reader(self._channel.fileno(), self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._channel.fileno())
        self.should_exit = True
