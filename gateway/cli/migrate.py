"""`gateway migrate`: fields that move from one source to another."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from gateway.app.config import Config
from gateway.cli.admin import UrlOption, ask_admin
from gateway.cli.finish import finish
from gateway.cli.options import ConfigOption, config_path, fail, one_line_errors, read_config

TIMEOUT_S = 10.0
STATES: dict[str, bool | None] = {"on": True, "off": False, "end": None}

app = typer.Typer(no_args_is_help=True, help="Move fields from one source to another.")
app.command()(finish)


@app.command()
def status(url: UrlOption = None, config: ConfigOption = None) -> None:
    """Print for each label of @override how often it was on, and what is switched. It asks the admin port."""
    found = _answered(*ask_admin(_admin(config), url, "/admin/override", TIMEOUT_S, method="GET"))
    for label, counts in sorted(found["decisions"].items()):
        whole = counts["on"] + counts["off"]
        share = 100 * counts["on"] / whole if whole else 0
        print(f"{label}: on for {counts['on']} of {whole} requests ({share:.2f} %)")
    _print_switches(found["switches"])


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
    found = ask_admin(_admin(config), url, "/admin/override", TIMEOUT_S, body=body)
    _print_switches(_answered(*found)["switches"])


def _admin(config: Any) -> Any:
    with one_line_errors(config_path(config, None)):
        settings: Config = read_config(config, None)[0]
    return settings.admin


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
