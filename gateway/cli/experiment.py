"""`gateway experiment`: what came of the variants of a flag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from gateway.cli.options import fail
from gateway.observe.experiment_report import FEW, ExperimentReport, GoalOfVariant, report_of
from gateway.observe.intervals import Interval
from gateway.observe.usage_file import read_usage_lines
from gateway.transport.http.head import printable

UNEVEN = 0.001
"""A split that is less likely than this by chance has a cause."""

app = typer.Typer(no_args_is_help=True, help="What came of the variants of a flag.")


@app.callback()
def group() -> None:
    """What came of the variants of a flag."""


@app.command()
def report(
    files: Annotated[
        list[Path],
        typer.Argument(help="experiments.file, and those it was renamed to; of all pods."),
    ],
    flag: Annotated[str, typer.Option(help="The flag.")],
    control: Annotated[str, typer.Option(help="The variant that others are compared with.")],
    expected: Annotated[
        str, typer.Option(help="How clients are drawn, to check it: old=50,new=50")
    ] = "",
    confidence: Annotated[float, typer.Option(min=0.5, max=0.9999)] = 0.95,
    json: Annotated[bool, typer.Option(help="As JSON.")] = False,
) -> None:
    """Print for each goal how many clients of each variant have reached it, with intervals of confidence.

    Exit code 1: the clients were not drawn as `--expected` says; 2: there is nothing to report.
    """
    try:
        found = report_of(read_usage_lines(files), flag, control, _weights(expected), confidence)
    except OSError as exc:
        fail(f"{exc.filename}: {exc.strerror}", 2)
    except (ValueError, KeyError) as exc:
        fail(str(exc), 2)
    if json:
        print(orjson.dumps(found, Interval._asdict, orjson.OPT_INDENT_2).decode())
    else:
        # Names of variants are of a file: what a terminal would take as a command is not written to it.
        print("\n".join(filter(None, map(printable, _lines(found, flag, confidence)))))
    if found.split_chance is not None and found.split_chance < UNEVEN:
        raise typer.Exit(1)


def _weights(text: str) -> dict[str, float] | None:
    if not text:
        return None
    weights = {}
    for part in text.split(","):
        name, is_cut, weight = part.strip().rpartition("=")
        if not is_cut or not weight.replace(".", "", 1).isdigit() or float(weight) <= 0:
            raise ValueError(f"--expected: `{part.strip()}` is no VARIANT=WEIGHT")
        weights[name] = float(weight)
    return weights


def _lines(found: ExperimentReport, flag: str, confidence: float) -> Iterator[str]:
    clients = ", ".join(f"{name} {count}" for name, count in found.clients.items())
    yield f"{flag}: clients by variant: {clients}"
    if found.left_out:
        yield f"left out: {found.left_out} lines that are no event of an experiment"
    if found.switched:
        yield f"left out: {found.switched} clients that met more than one variant"
    if found.split_chance is not None:
        is_uneven = found.split_chance < UNEVEN
        verdict = (
            "not drawn as expected: find out why, and believe nothing below"
            if is_uneven
            else "as expected"
        )
        yield f"split: {verdict} (p = {found.split_chance:.3g})"
    if min(found.clients.values()) < FEW:
        yield f"fewer than {FEW} clients of a variant: too few to say anything"
    if not found.goals:
        yield "no goal was reached"
    for goal, variants in found.goals.items():
        yield f"{goal}, intervals of {100 * confidence:g} %"
        for one in variants:
            yield f"  {_of_variant(one)}"


def _of_variant(one: GoalOfVariant) -> str:
    said = f"{one.variant}: {one.reached} of {one.clients}, {_shown(one.share, 100)} %"
    if one.more is not None:
        said += f"; {_compared(one.more, 100, ' percentage points')}"
    if one.mean is not None:
        said += f"; mean {_shown(one.mean)}"
    if one.more_mean is not None:
        said += f", {_compared(one.more_mean)}"
    return said


def _shown(interval: Interval, scale: float = 1) -> str:
    value, low, high = (scale * number for number in interval)
    return f"{value:.3g} [{low:.3g}, {high:.3g}]"


def _compared(interval: Interval, scale: float = 1, unit: str = "") -> str:
    value, low, high = (scale * number for number in interval)
    certain = "may be chance" if interval.has_zero else "differs"
    return f"{value:+.3g} [{low:+.3g}, {high:+.3g}]{unit} ({certain})"
