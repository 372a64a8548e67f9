"""`gateway reload`: have a running server read its files again, and say what came of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.admin import UrlOption, ask_admin
from gateway.cli.options import (
    ConfigOption,
    SchemaOption,
    config_path,
    fail,
    one_line_errors,
    read_config,
)
from gateway.cli.progress import working

TIMEOUT_S = 300.0
NEEDS = {"hot": "holds now", "workers": "needs new workers", "server": "needs a new server"}


def reload(
    config: ConfigOption = None,
    schema: SchemaOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only look whether the files can be served.")
    ] = False,
    canary: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            help="Serve the files to so many of a hundred clients first; 0 for all at once. reload.canary.percent by default.",
        ),
    ] = None,
    url: UrlOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Have a running server serve its files as they are now, without a restart.

    It asks the admin port with a key of the configuration (admin.keys). Exit code 1 means that the files cannot
    be served; the version before goes on then. Exit code 2: nobody could be asked.
    """
    with one_line_errors(config_path(config, schema)):
        settings, _ = read_config(config, schema)
    params = {"check": "true"} if check else {}
    if canary is not None:
        params["canary"] = percent_of(canary)
    with working("checking" if check else "reloading"):
        answer, found = ask_admin(settings.admin, url, "/admin/reload", TIMEOUT_S, params=params)
    if answer.status_code not in (200, 422):
        fail("; ".join(error["message"] for error in found["errors"]))
    print(answer.text.strip() if as_json else "\n".join(lines_of(found)))
    raise typer.Exit(1 if found["result"] == "refused" else 0)


def percent_of(share: float) -> str:
    """A share in percent as the admin port takes it; ends the command for what would be rounded to another one."""
    text = f"{share:.2f}"
    if float(text) != share:
        fail(f"--canary {share}: give at most two decimals, 0.01 or more")
    return text.rstrip("0").rstrip(".")


def lines_of(found: dict[str, Any]) -> list[str]:
    """A report for people."""
    lines = [*found["errors"], *found["warnings"], found["line"]]
    if found["result"] in ("refused", "withdrawn"):  # then nothing of it holds
        return lines
    if found["result"] == "trying":
        return [*lines, *(f"  {change['key']}: is tried" for change in found["changes"])]
    for change in found["changes"]:
        is_waiting = change["key"] in found["waiting"]
        note = NEEDS[change["needs"]] if change["needs"] == "hot" or is_waiting else "new workers"
        lines.append(f"  {change['key']}: {note}")
    return lines
