"""Usage as a table, for billing and reports: one row for each number of each line. Written as Parquet by pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from gateway.observe.usage_records import UsageClient, UsageRecord, read_records

COLUMNS = {
    "from": "timestamp",
    "to": "timestamp",
    "client": "string",
    "version": "string",
    "proven": "bool",
    "kind": "string",
    "key": "string",
    "name": "string",
    "requests": "int64",
    "deprecated": "bool",
}
"""What a table has, and of which types; timestamps are in UTC."""
ROWS_OF_A_GROUP = 50_000


def table_rows(
    lines: Iterable[Mapping[str, Any]], since: float = 0.0, client: str | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of lines that end after `since`. Errors: ValueError for what is no line of usage."""
    for line in lines:
        for one, record in read_records([line], since).by_client.items():
            if client in (None, one.name):
                yield from _rows_of(one, record)


def _rows_of(client: UsageClient, record: UsageRecord) -> Iterator[dict[str, Any]]:
    begin, end = (datetime.fromtimestamp(at, UTC) for at in (record.begin, record.end))

    def row(kind: str, key: str, name: str, requests: int, *, is_old: bool) -> dict[str, Any]:
        who = (begin, end, client.name, client.version, client.is_proven)
        return dict(zip(COLUMNS, (*who, kind, key, name, requests, is_old), strict=True))

    yield row("client", "", "", record.requests, is_old=False)
    for hash_, (name, requests) in record.operations.items():
        yield row("operation", hash_, name, requests, is_old=False)
    for coordinate, requests in record.coordinates.items():
        is_old = coordinate in record.deprecated
        yield row("coordinate", coordinate, "", requests, is_old=is_old)


def write_parquet(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows to a file, which is there when it is whole; how many there are. Errors: ImportError; OSError."""
    import pyarrow
    from pyarrow import parquet

    types = {
        "timestamp": pyarrow.timestamp("ms", "UTC"),
        "string": pyarrow.string(),
        "bool": pyarrow.bool_(),
        "int64": pyarrow.int64(),
    }
    schema = pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    written, unfinished = 0, path.with_name(f".{path.name}.unfinished")
    left = iter(rows)
    try:
        with parquet.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            while group := list(islice(left, ROWS_OF_A_GROUP)):
                writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
                written += len(group)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return written
