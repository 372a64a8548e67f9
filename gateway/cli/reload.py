"""`gateway reload`: have a running server read its files again, and say what came of it."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from gateway.cli.options import (
    ConfigOption,
    SchemaOption,
    config_path,
    fail,
    one_line_errors,
    read_config,
)
from gateway.cli.progress import working
from gateway.settings.urls import without_credentials

TIMEOUT_S = 300.0
NEEDS = {"hot": "holds now", "workers": "needs new workers", "server": "needs a new server"}


def reload(
    config: ConfigOption = None,
    schema: SchemaOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only look whether the files can be served.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(help="The admin port; by default that of the configuration, on this machine."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Have a running server serve its files as they are now, without a restart.

    It asks the admin port with a key of [admin] keys. Exit code 1 means that the files cannot be served; the
    version before goes on then. Exit code 2: nobody could be asked.
    """
    with one_line_errors(config_path(config, schema)):
        settings, _ = read_config(config, schema)
    keys = list(settings.admin.given.values())
    if not keys:
        fail("there is no key of [admin] keys: without one the server has no admin port")
    host = "127.0.0.1" if settings.admin.host in ("0.0.0.0", "::") else settings.admin.host
    base = url or f"http://{host}:{settings.admin.port}"
    headers = {"authorization": f"Bearer {keys[0]}"}
    try:
        with working("checking" if check else "reloading"):
            answer = httpx.post(
                f"{base}/admin/reload",
                params={"check": "true"} if check else {},
                headers=headers,
                timeout=TIMEOUT_S,
                trust_env=False,
            )
            found: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as exc:
        fail(f"{without_credentials(base)} does not answer: {exc or type(exc).__name__}")
    if answer.status_code not in (200, 422):
        fail("; ".join(error["message"] for error in found["errors"]))
    print(answer.text.strip() if as_json else "\n".join(lines_of(found)))
    raise typer.Exit(1 if found["result"] == "refused" else 0)


def lines_of(found: dict[str, Any]) -> list[str]:
    """A report for people."""
    lines = [*found["errors"], found["line"]]
    for change in found["changes"]:
        is_waiting = change["key"] in found["waiting"]
        note = NEEDS[change["needs"]] if change["needs"] == "hot" or is_waiting else "new workers"
        lines.append(f"  {change['key']}: {note}")
    return lines
