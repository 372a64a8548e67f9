"""`gateway migrate`: fields that move from one source to another."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from gateway.app.config import Config
from gateway.cli.admin import UrlOption, ask_admin
from gateway.cli.board import BoardRow, page, rows_of, told
from gateway.cli.finish import finish
from gateway.cli.options import ConfigOption, config_path, fail, one_line_errors, read_config
from gateway.graph.sdl import find_schema_files, load_sdl

TIMEOUT_S = 10.0
STATES: dict[str, bool | None] = {"on": True, "off": False, "end": None}

app = typer.Typer(no_args_is_help=True, help="Move fields from one source to another.")
app.command()(finish)


@app.command()
def status(url: UrlOption = None, config: ConfigOption = None) -> None:
    """Print for each label of @override how often it was on, what is switched, and what was compared.

    It asks the admin port.
    """
    found, rows = _moves(config, url)
    for label, counts in sorted(found["decisions"].items()):
        whole = counts["on"] + counts["off"]
        share = 100 * counts["on"] / whole if whole else 0
        print(f"{label}: on for {counts['on']} of {whole} requests ({share:.2f} %)")
    for row in rows:
        if row.after:
            print("\n".join(told(row)))
    _print_switches(found["switches"])
    if "unusable" in found:
        print(found["unusable"])


@app.command()
def report(
    html: Annotated[Path, typer.Option(help="The file that the page is written to.")],
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Write a page of all moves, from the old source alone to what may be deleted. It asks the admin port."""
    made_at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    text = page(_moves(config, url)[1], made_at)
    try:
        html.write_text(text, encoding="utf-8")
    except OSError as exc:
        fail(f"--html {html}: cannot be written: {exc.strerror}")
    print(html)


@app.command()
def forget(
    label: Annotated[str | None, typer.Argument(help="A label; by default all of them.")] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Begin the comparisons of a label's moves again, in all workers. It asks the admin port."""
    body = {"label": label}
    path = "/admin/override/evidence"
    _answered(*ask_admin(_settings(config)[0].admin, url, path, TIMEOUT_S, body=body))


@app.command()
def switch(
    label: Annotated[str, typer.Argument(help='A label of @override, or "*" for all of them.')],
    state: Annotated[
        str, typer.Argument(help='on, off, "percent(20)", or end: as it is configured again.')
    ],
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Decide a label otherwise from now on, in all workers and after a restart. It asks the admin port.

    Exit code 1: it was refused; 2: nobody could be asked.
    """
    body = {"label": label, "rule": STATES.get(state, state)}
    found = ask_admin(_settings(config)[0].admin, url, "/admin/override", TIMEOUT_S, body=body)
    _print_switches(_answered(*found)["switches"])


def _settings(config: Any) -> tuple[Config, Path]:
    with one_line_errors(config_path(config, None)):
        found: tuple[Config, Path] = read_config(config, None)
    return found


def _moves(config: Any, url: str | None) -> tuple[Any, list[BoardRow]]:
    """What the admin port says, and the moves of the schema."""
    settings, base = _settings(config)
    with one_line_errors(config_path(config, None)):
        document = load_sdl(find_schema_files(settings.graph.schema, base))
    asked = ask_admin(settings.admin, url, "/admin/override", TIMEOUT_S, method="GET")
    found = _answered(*asked)
    return found, rows_of(document, settings.override.labels, found)


def _answered(answer: httpx.Response, found: Any) -> Any:
    if answer.status_code != 200:
        fail(_why(found), 1)
    return found


def _why(found: Any) -> str:
    errors = found.get("errors")
    return errors[0]["message"] if errors else f"workers have not answered: {found['silent']}"


def _print_switches(switches: dict[str, bool | str]) -> None:
    states = {True: "on", False: "off"}
    for label, rule in sorted(switches.items()):
        print(f"switched: {label} {states[rule] if isinstance(rule, bool) else rule}")
