"""The command line, one file a command.

A mistake of the operator is a line and exit code 2; findings are exit code 1.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any, NoReturn


def main() -> NoReturn:
    """Run the command line."""
    try:
        from typer.main import get_command  # a second, in which Ctrl-C may come

        from gateway.cli.app import app
        from gateway.concurrency.frame_stack import with_room

        command = partial(get_command(app), prog_name="gateway", standalone_mode=False)
        code = with_room(command)
    except Exception as exc:
        # What is wrong with the words themselves: typer's own exceptions, under one name or another.
        if not hasattr(exc, "format_message"):
            raise
        if exc.format_message():  # else its help has been printed
            print(f"gateway: {_usage_line(exc)}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _usage_line(exc: Any) -> str:
    message = " ".join(exc.format_message().split()).rstrip(".").replace(": Value error, ", ": ")
    context = getattr(exc, "ctx", None)
    command = context.command_path if context is not None else "gateway"
    return f"{message} (see {command} --help)"
