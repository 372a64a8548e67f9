"""The admin port's commands of reloads."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import msgspec

from gateway.admin.commands import Command, CommandError, Commands, Done
from gateway.app.reload.reloader import Reloader
from gateway.app.reload.shelf import BusyError


class ReloadParameters(msgspec.Struct, forbid_unknown_fields=True):
    """Of the URL: whether to look only, and how many of a hundred clients get what is new first."""

    check: Literal["true", "false"] = "false"
    canary: Annotated[str, msgspec.Meta(pattern=r"^(100|[0-9]{1,2}(\.[0-9]{1,2})?)$")] | None = None


def add_reload_commands(commands: Commands, reloader: Reloader) -> None:
    """Let a reload be commanded: `POST /admin/reload`, with `?check=true` to look only, with `?canary=5` for some."""
    commands.add("POST", "/admin/reload", partial(reload, reloader), query=ReloadParameters)


async def reload(reloader: Reloader, command: Command) -> Done:
    """Serve the files as they are now. 409 where another reload is under way, 422 where they cannot be served."""
    asked = command.query
    if asked.check == "true" and asked.canary is not None:
        raise CommandError("check=true looks only: there is no canary then")
    percent = None if asked.canary is None else float(asked.canary)
    try:
        report = await reloader.reload(check_only=asked.check == "true", canary_percent=percent)
    except BusyError as exc:
        raise CommandError(str(exc), 409) from exc
    found = report.as_json()
    audit = {name: found[name] for name in ("result", "digest", "percent", "errors")}
    return Done(found, 422 if report.result == "refused" else 200, audit)
