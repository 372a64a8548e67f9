"""Usage as rows, and as a file of Parquet."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.observe.usage_file import UsageFile
from gateway.observe.usage_records import UsageClient, UsageRecord
from gateway.observe.usage_table import COLUMNS, table_rows
from tests.observe.shop import save_usage_shop

LINES = [
    UsageRecord(
        3, {"h1": ("Q", 2)}, {"Video.old": 1, "Video.id": 3}, {"Video.old"}, 1_000.0, 1_060.0
    ).as_json(UsageClient("acme", "1.0", True)),
    UsageRecord(1, {}, {}, set(), 2_000.0, 2_060.0).as_json(UsageClient("", "", False)),
]


def test_a_table_has_a_row_for_each_number() -> None:
    rows = [
        (row["client"], row["kind"], row["key"], row["name"], row["requests"])
        for row in table_rows(LINES)
    ]
    assert rows == [
        ("acme", "client", "", "", 3),
        ("acme", "operation", "h1", "Q", 2),
        ("acme", "coordinate", "Video.old", "", 1),
        ("acme", "coordinate", "Video.id", "", 3),
        ("", "client", "", "", 1),
    ]
    assert [row["key"] for row in table_rows(LINES) if row["deprecated"]] == ["Video.old"]
    assert {row["from"] for row in table_rows(LINES, since=1_500)} == {
        datetime.fromtimestamp(2_000, UTC)
    }
    assert len(list(table_rows(LINES, client="acme"))) == 4


def exported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(folder)
    save_usage_shop(folder)
    UsageFile(folder / "usage.jsonl", 10**6, 1).append(LINES)
    options = ["--usage", "usage.jsonl", "--parquet", "usage.parquet"]
    return CliRunner().invoke(app, ["usage", *options])


def test_without_the_library_the_command_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = exported(tmp_path, monkeypatch)
    assert (result.exit_code, "pip install 'gateway[parquet]'" in result.stderr) == (2, True)
    assert not list(tmp_path.glob("*.parquet*"))


def test_usage_is_written_as_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    result = exported(tmp_path, monkeypatch)
    assert result.stdout == "usage.parquet: 5 rows\n"
    table = parquet.read_table(tmp_path / "usage.parquet")
    names = {"timestamp": "timestamp[ms, tz=UTC]"}
    expected = {name: names.get(kind, kind) for name, kind in COLUMNS.items()}
    assert {field.name: str(field.type) for field in table.schema} == expected
    rows = table.to_pylist()
    assert [row["requests"] for row in rows if row["kind"] == "client"] == [3, 1]
    assert rows[0]["to"] == datetime.fromtimestamp(1_060, UTC)
