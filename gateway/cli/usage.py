"""`gateway usage`: what of the schema clients use, from files that a server has written, or from a running server."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app.config import Config
from gateway.cli.admin import UrlOption, ask_admin
from gateway.cli.options import ConfigOption, config_path, fail, one_line_errors, read_config
from gateway.observe.usage_file import read_usage_lines, renamed
from gateway.observe.usage_records import (
    UsageClient,
    UsageRecord,
    UsageRecords,
    read_records,
    stamp,
)
from gateway.observe.usage_table import table_rows, write_parquet

TIMEOUT_S = 30.0
UNITS = {"m": 60, "h": 3600, "d": 86_400}

FilesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--usage", help="A file of usage; several times. Those of the configuration by default."
    ),
]
LiveOption = Annotated[
    bool, typer.Option("--live", help="Usage of a running server, by its admin port.")
]


class UsageBy(StrEnum):
    """What is told apart beside coordinates."""

    client = "client"
    version = "version"


def usage(
    files: FilesOption = None,
    live: LiveOption = False,
    url: UrlOption = None,
    deprecated: Annotated[
        bool, typer.Option("--deprecated", help="Only what is deprecated.")
    ] = False,
    by: Annotated[UsageBy | None, typer.Option(help="Tell clients apart, or versions too.")] = None,
    client: Annotated[str | None, typer.Option(help="Only this client's.")] = None,
    since: Annotated[str | None, typer.Option(help="Only of this time: 7d, 24h, 30m.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each.")] = False,
    parquet: Annotated[
        Path | None, typer.Option(help="Write all of it to a Parquet file instead, for billing.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print which types, fields, arguments, input fields and enum values clients use, and how often.

    What is used most stands first. Values of variables are counted where their types have input fields or enum
    values: of the first requests of each client and operation, and then of one in 16.
    """
    path = config_path(config, None)
    with one_line_errors(path):
        settings, _ = read_config(config, None)
    begin = begin_of(since)
    if parquet is not None:
        lines = (
            ask_usage(settings, url, client).lines() if live or url else lines_of(settings, files)
        )
        _write_table(parquet, table_rows(lines, begin, client))
        return
    records = ask_usage(settings, url, client) if live or url else usage_of(settings, files, begin)
    for line in _rows(records, by, client, deprecated=deprecated):
        print(json.dumps(line) if as_json else _text(line))


def usage_of(settings: Config, files: list[Path] | None, since: float) -> UsageRecords:
    """The usage in files; ends the command where they cannot be read."""
    with _told():
        return read_records(lines_of(settings, files), since)


def lines_of(settings: Config, files: list[Path] | None) -> Iterator[dict[str, Any]]:
    """The lines of files, those of the configuration by default. Errors: OSError; ValueError."""
    own = settings.telemetry.usage
    if not files:
        if own.file is None:
            fail("give --usage FILE, or set telemetry.usage.file")
        first = Path(own.file)
        files = [one for one in (first, *renamed(first, own.max_files)) if one.exists()]
    return read_usage_lines(files)


def _write_table(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    try:
        with _told():
            count = write_parquet(path, rows)
    except ImportError:
        fail("Parquet is written by pyarrow: pip install 'gateway[parquet]'")
    print(f"{path}: {count} rows")


@contextmanager
def _told() -> Iterator[None]:
    """What cannot be read or written ends the command."""
    try:
        yield
    except OSError as exc:
        fail(f"{exc.filename}: {exc.strerror}")
    except ValueError as exc:
        fail(str(exc))


def ask_usage(settings: Config, url: str | None, client: str | None) -> UsageRecords:
    """What a running server has counted; ends the command where it does not say it."""
    params = {"client": client} if client is not None else {}
    answer, told = ask_admin(
        settings.admin, url, "/admin/usage", TIMEOUT_S, method="GET", params=params
    )
    if answer.status_code != 200:
        fail(str(told["errors"][0]["message"]))
    if told["failed"] or told["silent"]:
        fail(f"not all workers have answered: {told['failed'] or told['silent']}")
    return read_records(told["usage"])


def begin_of(period: str | None) -> float:
    """When a time before now began, seconds of Unix time; 0 without one."""
    return time.time() - seconds_of(period) if period else 0.0


def seconds_of(text: str) -> float:
    """`7d`, `24h`, `30m`; ends the command for anything else."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if found is None:
        fail(f"{text}: give a time as 7d, 24h or 30m")
    return int(found[1]) * UNITS[found[2]]


def _rows(
    records: UsageRecords, by: UsageBy | None, client: str | None, *, deprecated: bool
) -> list[dict[str, object]]:
    """A row for each coordinate, and client where they are told apart."""
    found: defaultdict[tuple[str, UsageClient], list[tuple[UsageClient, UsageRecord]]]
    found = defaultdict(list)
    for one, record in _of(records, client):
        apart = one if by is UsageBy.version else UsageClient(one.name if by else "")
        for coordinate in record.coordinates:
            if not deprecated or coordinate in record.deprecated:
                found[coordinate, apart].append((one, record))
    rows = []
    for (coordinate, apart), uses in found.items():
        row: dict[str, object] = {"coordinate": coordinate}
        row["requests"] = sum(record.coordinates[coordinate] for _, record in uses)
        if by is not None:
            row["client"] = apart.name
        if by is UsageBy.version:
            row["version"] = apart.version
        if by is None:
            row["clients"] = sorted({one.name for one, _ in uses})
        row["deprecated"] = any(coordinate in record.deprecated for _, record in uses)
        last = max(record.end for _, record in uses)
        row["last"] = stamp(last)
        rows.append(row)
    return sorted(rows, key=lambda row: (-int(str(row["requests"])), str(row["coordinate"])))


def _of(records: UsageRecords, client: str | None) -> Iterator[tuple[UsageClient, UsageRecord]]:
    items: Iterable[tuple[UsageClient, UsageRecord]] = records.by_client.items()
    yield from (item for item in items if client in (None, item[0].name))


def _text(row: dict[str, object]) -> str:
    clients = row.get("clients")
    who = ", ".join(name or "(unnamed)" for name in clients) if isinstance(clients, list) else ""
    if "client" in row:
        who = " ".join(
            str(part) for part in (row["client"] or "(unnamed)", row.get("version")) if part
        )
    mark = " deprecated" if row["deprecated"] else ""
    return f"{row['requests']:>10}  {row['coordinate']}{mark}  {who}  until {row['last']}"
