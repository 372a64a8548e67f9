"""The rooms of `gateway/`: the table in docs/architecture.md and import-linter's layers name each of them, and no
other.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gateway"


def rooms() -> list[str]:
    """Packages and single modules at the top, but the façade."""
    folders = [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()]
    modules = [path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"]
    return sorted(folders + modules)


def layers() -> list[list[str]]:
    """Import-linter's layers, the highest first."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        contract
        for contract in pyproject["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    return [
        [name.strip().removeprefix("gateway.") for name in layer.split("|")]
        for layer in contract["layers"]
    ]


def floors() -> list[list[str]]:
    """The table of docs/architecture.md, the highest first."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    _, _, table = text.partition("| floor | what |\n|---|---|\n")
    rows, _, _ = table.partition("\n\n")
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in rows.splitlines()]


def test_layers_name_every_room() -> None:
    assert sorted(name for layer in layers() for name in layer) == rooms()


def test_the_table_of_floors_has_the_layers_in_their_order() -> None:
    assert [sorted(floor) for floor in floors()] == [sorted(layer) for layer in layers()]


def test_imports_of_types_count() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["tool"]["importlinter"]["exclude_type_checking_imports"] is False


def test_there_are_at_most_eight_single_modules_at_the_top() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 8


def test_a_class_name_stands_in_one_file() -> None:
    files: defaultdict[str, set[Path]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                files[node.name].add(path)
    assert len([name for name, found in files.items() if len(found) > 1]) <= 5
