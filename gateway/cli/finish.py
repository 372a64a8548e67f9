"""`gateway migrate finish`: the schema's files without a move that is over."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from gateway.app.build import build_graph
from gateway.app.config import Config
from gateway.app.override_labels import make_switches
from gateway.cli.options import (
    ConfigOption,
    config_path,
    fail,
    one_line_errors,
    read_config,
    report,
)
from gateway.connectors.directives import read_directives
from gateway.connectors.finish import FinishedMove, finish_move
from gateway.connectors.overrides import OverrideUse, read_overrides
from gateway.flags.names import flag_of_label
from gateway.graph.sdl import find_schema_files, load_sdl
from gateway.override.labels import ALL
from gateway.override.settings import share_of_label
from gateway.override.switches import Switches, switched_share
from gateway.settings.whole_file import write_whole


def finish(
    field: Annotated[
        str, typer.Argument(help="The field that has moved, Query.stats, or the type.")
    ],
    config: ConfigOption = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print what would change, and write nothing.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Even where the label is not on for all."),
    ] = False,
) -> None:
    """Take the @override of a field out of the schema, and the connectors that had the field before.

    Exit code 1: it is not moved whole yet, or the schema would have errors. Nothing is written then.
    """
    with one_line_errors(config_path(config, None)):
        settings, base = read_config(config, None)
        files = find_schema_files(settings.graph.schema, base)
        texts = {str(file): _text(file) for file in files}
        document = load_sdl(files, texts)
    moved = finish_move(document, texts, field)
    if moved is None:
        known = ", ".join(read_overrides(document, read_directives(document))) or "none"
        fail(f"no @override moves {field}; there are: {known}")
    with one_line_errors(config_path(config, None)):
        switches = make_switches(settings, base)
    share = _share(settings, moved.use, switches)
    if share != ALL and not force:
        fail(f"{_state(moved.use, share, switches)}; --force moves the others at once", 1)
    with one_line_errors(config_path(config, None)):
        graph = build_graph(
            settings, base, os.environ, is_served=True, texts={**texts, **moved.texts}
        )
    if graph.errors:
        report(graph.errors)
    if diff:
        _print_diff(texts, moved.texts)
    else:
        for name, text in moved.texts.items():
            write_whole(Path(name), text.encode())
    _tell(moved, settings, switches)


def _share(settings: Config, use: OverrideUse, switches: Switches) -> int | None:
    """For how many clients the label is on, by its switch or by the configuration; None where neither decides."""
    if use.label is None:
        return ALL
    switched = switched_share(use.label, switches.shares)
    configured = share_of_label(use.label, settings.override.labels)
    return configured if switched is None else switched


def _state(use: OverrideUse, share: int | None, switches: Switches) -> str:
    """For whom a label is on, in words."""
    if share is None:
        by = "a flag decides" if flag_of_label(use.label or "") else "Python decides"
        return f"{by} {use.label}, so it is not known for whom it is on"
    is_switched = switched_share(use.label or "", switches.shares) is not None
    by = f" by {switches.path}" if is_switched else ""
    return f"{use.label} is on for {share / 100:g} % of the clients{by}"


def _tell(moved: FinishedMove, settings: Config, switches: Switches) -> None:
    for connect in moved.removed:
        print(
            f"{moved.use.coordinate} is not asked of {connect.source or connect.id} any more: {connect.url.value}"
        )
    for name in moved.unused:
        print(f"no connector names the source {name} any more")
    if moved.use.label in settings.override.labels:
        print(f"override.labels.{moved.use.label} may go, if no other @override has it")
    if moved.use.label in switches.rules:
        print(f"its switch may go too: gateway migrate switch {moved.use.label} end")


def _print_diff(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    for name, text in after.items():
        lines = difflib.unified_diff(
            before[name].splitlines(), text.splitlines(), name, name, lineterm=""
        )
        print("\n".join(lines))


def _text(file: Path) -> str:
    """A file's text with the ends of its lines as they are."""
    with file.open(encoding="utf-8", newline="") as opened:
        return opened.read()
