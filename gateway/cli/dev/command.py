"""`gateway dev`: reads the options, binds, and hands over to the supervisor."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from gateway.app.config import Config
from gateway.cli.options import (
    CONFIG_FILE,
    ConfigOption,
    MockOption,
    SchemaOption,
    config_path,
    fail,
    one_line_errors,
    read_config,
)
from gateway.cli.sockets import bind, url_of
from gateway.errors import ConfigError


def dev(
    folder: Annotated[
        Path | None,
        typer.Argument(help="The project's folder; this one by default.", metavar="[FOLDER]"),
    ] = None,
    config: ConfigOption = None,
    schema: SchemaOption = None,
    host: Annotated[str | None, typer.Option(help="Address to bind.")] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="TCP port; without it a free one, where the configured one is taken.",
        ),
    ] = None,
    mock: MockOption = False,
) -> None:
    """Serve with reload for development: errors are unmasked and timings are on."""
    from gateway.cli.dev.child import Version
    from gateway.cli.dev.supervisor import Supervisor

    if folder is not None:
        if config or schema:
            fail("give a folder, or --config and --schema")
        config = folder / CONFIG_FILE
    with one_line_errors(config_path(config, schema)):
        settings, base = _settings(config, schema)
        number = settings.server.port if port is None else port
        sockets = _bound(host or settings.server.host, number, is_free=port is None)
    url = url_of(sockets, host or settings.server.host, settings.server.path)
    sys.dont_write_bytecode = True  # a file that is saved twice in a second is read twice
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    # Where the pages of the developer look; the name is short for the sake of those who list it.
    with tempfile.TemporaryDirectory(prefix="gateway-dev-") as place:
        status = Path(place) / "status.json"
        version = Version(config, tuple(schema or ()), mock, status, is_alone=True)
        Supervisor(version, sockets, _watched(base, config, schema), url, _say).run()


def _settings(config: Path | None, schema: list[Path] | None) -> tuple[Config, Path]:
    """The configuration; the defaults where it has a mistake, which the first version tells.

    Errors: ConfigError where there is nothing to serve.
    """
    path = config_path(config, schema)
    try:
        return read_config(config, schema)
    except ConfigError:
        if path is None or not path.is_file():
            raise
        return Config(), path.parent


def _bound(host: str, port: int, *, is_free: bool) -> list[socket.socket]:
    """Sockets of the port, or of a free one where it is taken and nobody insists. Errors: ConfigError."""
    try:
        return bind(host, port)
    except ConfigError as exc:
        if not is_free or not exc.problem.endswith("is in use"):
            raise
        _say(f"port {port} is in use; taking another")
        return bind(host, 0)


def _watched(base: Path, config: Path | None, schema: list[Path] | None) -> list[Path]:
    """The folders of what is served, none of them inside another."""
    files = [*([config] if config else ()), *(schema or ())]
    folders = {base.resolve(), *(f.resolve() if f.is_dir() else f.resolve().parent for f in files)}
    return sorted(f for f in folders if not any(other in f.parents for other in folders))


def _say(line: str) -> None:
    print(f"gateway: {line}", file=sys.stderr, flush=True)
