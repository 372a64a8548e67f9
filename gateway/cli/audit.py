"""`gateway audit`: whether the audit log is as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.app.config import load_config
from gateway.cli.options import ConfigOption, config_path, counted, fail, one_line_errors
from gateway.telemetry.chain import BrokenChainError, verify_chain

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.callback()
def options() -> None:
    """The audit log."""


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="The log; by default what logs.audit names.")
    ] = None,
    head: Annotated[
        str | None, typer.Option(help="A digest that an earlier call printed: it has to be there.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Follow the chain of the audit log. Prints the digest of its last line, to be kept elsewhere."""
    if file is None:
        path = config_path(config, None)
        with one_line_errors(path):
            target = load_config(path).logs.audit
        if target in ("off", "stdout", "stderr"):
            fail("give the log's path: logs.audit is no file")
        file = Path(target)
    try:
        lines, last = verify_chain(file, head)
    except BrokenChainError as exc:
        fail(str(exc), 1)
    except OSError as exc:
        fail(f"{file}: {exc.strerror}")
    print(f"{counted(lines, 'line')}, each follows the one before it; head {last}")
