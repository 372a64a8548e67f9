"""What the pages say exists: every metric and label, every key of the configuration, every command and option."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from docs.examples import EXAMPLES
from docs.generate import GENERATED, sections, wrapped
from gateway.app.config import Config, build_config, load_config
from gateway.cli.app import GatewayCommands
from gateway.cli.lazy import loaded_command
from gateway.error_codes import CODES
from gateway.settings.hints import hint_at
from gateway.telemetry.catalogue import METRICS

ROOT = Path(__file__).resolve().parents[2]
ABOUT = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ABOUT])
PROSE = sorted([*PAGES, *(ROOT / "tests" / "cases").glob("*.md"), *ROOT.glob("examples/**/*.md")])
MAX_COLUMNS = 120
TABLES = {item.name for item in fields(Config)}
# Metrics that others make, and labels of our own that begin as metrics do.
OTHERS = {"process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"}
# OpenTelemetry's attributes, and a member of @connect.
OTHER_HTTP = ("http.server.", "http.client.", "http.request.", "http.response.", "http.status")
PYTEST = {"gateway_client", "gateway_config"}  # a fixture and a setting
LABELS = {label for metric in METRICS for label in metric.labels}


def page_id(page: Path) -> str:
    return page.name


def metric_names() -> dict[str, set[str]]:
    """Every series that the metrics page may have, with its labels."""
    names = {}
    for metric in METRICS:
        ends = {"counter": ("_total",), "histogram": ("", "_bucket", "_count", "_sum")}
        for end in ends.get(metric.kind, ("",)):
            names[metric.name + end] = set(metric.labels) | {"le", "job"}
    return names


def series(text: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics that a page names, each with the labels that stand behind it."""
    pattern = r"\b((?:gateway|graphql_server|http_server|http_client|process)_[a-z_]+)(\{[^}`]*\})?"
    for found in re.finditer(pattern, text):
        name, labels = found.groups()
        rest = re.sub(r'"[^"]*"', "", labels or "")
        yield name, set(re.findall(r"[a-z_]+", rest))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_metrics_and_labels_of_a_page_exist(page: Path) -> None:
    known = metric_names()
    for name, labels in series(page.read_text()):
        if name in OTHERS | PYTEST | LABELS:
            continue
        assert name in known, f"{page.name}: {name}"
        assert labels <= known[name], f"{page.name}: {name}{labels}"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_values_of_error_labels_are_codes(page: Path) -> None:
    for code in re.findall(r'error_type="([^"]+)"', page.read_text()):
        assert code in CODES, f"{page.name}: {code}"


def keys(text: str) -> Iterator[tuple[str, ...]]:
    """The keys `table.key` that a page names: in code spans, and in prose as advice writes them."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    tables = "|".join(sorted(TABLES))
    for found in re.finditer(rf"(?<![\w./$@-])((?:{tables})(?:\.[A-Za-z_*]\w*)+)(?![\w(/])", text):
        if found.group(1).startswith(OTHER_HTTP):
            continue
        key = tuple(found.group(1).split("."))
        if key[-1] not in ("md", "py", "json", "toml", "internal", "example", "graphql"):
            yield key


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_keys_of_a_page_exist(page: Path) -> None:
    for key in keys(page.read_text()):
        assert hint_at(Config, key) is not None, f"{page.name}: {'.'.join(key)}"


@pytest.mark.parametrize(("short", "prefix"), [("S", ("sources", "a")), ("R", ("traffic_shaping", "router"))])  # fmt: skip
def test_short_keys_of_resilience_exist(short: str, prefix: tuple[str, ...]) -> None:
    found = re.findall(rf"`{short}\.([a-z_.]+)", (ROOT / "docs" / "resilience.md").read_text())
    assert found
    for key in found:
        assert hint_at(Config, (*prefix, *key.split("."))) is not None, f"{short}.{key}"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_toml_of_a_page_is_a_configuration(page: Path) -> None:
    for block in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL):
        if set(tables := tomllib.loads(block)) <= TABLES:
            build_config(tables, file=page.name)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_and_options_of_a_page_exist(page: Path) -> None:
    for name, rest in re.findall(r"`gateway ([a-z]+)((?: [^`]*)?)`", page.read_text()):
        assert name in GatewayCommands.places, f"{page.name}: gateway {name}"
        command = loaded_command(name, GatewayCommands.places[name])
        known = {option for one in command.params for option in one.opts}
        for sub in getattr(command, "commands", {}).values():
            known |= {option for one in sub.params for option in one.opts}
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", rest):
            assert option in known | {"--help"}, f"{page.name}: gateway {name} {option}"


def test_every_table_has_an_example_that_loads_and_sets_it(tmp_path: Path) -> None:
    named = [names[0] for names, _, _ in sections()]
    assert sorted(named) == sorted(EXAMPLES)
    for name, example in EXAMPLES.items():
        (tmp_path / "gateway.toml").write_text(example)
        assert load_config(tmp_path / "gateway.toml", {}) is not None, name
        table = tomllib.loads(example)
        for part in name.strip("[]").split("."):
            table = table[next(iter(table)) if part == "NAME" else part]
        assert table, name


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == GENERATED[name]()


def test_the_reference_is_whole() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    assert not re.findall(r"'true'|'false'|See there|<class|typing\.|NoneType", text)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    unfinished = [row for row in rows if not re.search(r"[.\d`\"”)] \|$", row)]
    assert not unfinished
    assert "| `mask` | boolean | `true` |" in text


def prose(text: str) -> Iterator[str]:
    """The lines of a page that somebody wrapped: no code, tables, headings or figures of the benchmarks.

    The address of a link is no part of a line.
    """
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!-- benchmarks: .*?<!-- /benchmarks -->", "", text, flags=re.DOTALL)
    for line in text.splitlines():
        if not line.startswith(("|", "#", "<!--")):
            yield re.sub(r"\]\([^)]*\)", "]", line)


@pytest.mark.parametrize("page", PROSE, ids=page_id)
def test_prose_has_at_most_120_columns(page: Path) -> None:
    assert not [line for line in prose(page.read_text()) if len(line) > MAX_COLUMNS]


def test_a_generated_list_keeps_its_items_and_has_single_spaces() -> None:
    long = " ".join(["word"] * 30)
    assert wrapped(f"1. {long}\n   end\n2. two\n") == (
        "1. " + " ".join(["word"] * 23) + "\n   " + " ".join(["word"] * 7) + " end\n2. two\n"
    )
    assert wrapped("- a `b  c` d\n  e\n- f") == "- a `b  c` d e\n- f"


@pytest.mark.parametrize("page", [p for p in PROSE if p.name in GENERATED], ids=page_id)
def test_generated_prose_has_single_spaces_and_lists_of_one_item_a_line(page: Path) -> None:
    for line in prose(page.read_text()):
        words = re.sub(r"`[^`]*`", "", line.strip())
        assert "   " not in words
        assert not re.search(r"[a-z]\. \d\. [A-Z]", words)


def test_words_of_the_glossary_are_in_order_and_told_once() -> None:
    words: list[str] = []
    for section in (ROOT / "docs" / "glossary.md").read_text().split("\n## ")[1:]:
        rows = re.findall(r"^\| ([^|]+) \| ", section, re.MULTILINE)[1:]
        assert rows == sorted(rows, key=str.lower)
        words += rows
    assert len(words) == len(set(words)) >= 60
