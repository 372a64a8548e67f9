from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import publish, results
from benchmarks.report import figures, markdown, page, svg, terminal
from gateway.profile import flame
from tests.benchmarks.results import peer, result, scenario, usual


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    results.save(usual(), tmp_path / "deep" / "result.json")
    assert results.load(tmp_path / "deep" / "result.json") == usual()


@pytest.mark.parametrize(("text", "says"), [("{}", "is no result file"), ("[", "is no result file")])  # fmt: skip
def test_what_is_no_result_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        results.load(path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    made = usual()
    made.format = 99
    results.save(made, tmp_path / "result.json")
    with pytest.raises(ValueError, match="format 99"):
        results.load(tmp_path / "result.json")


def test_rows_stand_cheapest_first_with_their_ratio_to_the_gateway() -> None:
    found = figures.rows(usual().scenarios[0])
    assert [(row.cells[0], row.cells[1], row.cells[-1]) for row in found] == [
        ("by hand: bare", "100", "0.50"),
        ("gateway", "200", "1.00"),
        ("graphql-core + aiohttp", "8,000", "40.00"),
    ]
    assert [row.is_ours for row in found] == [False, True, False]


def test_failed_requests_stand_beside_the_name() -> None:
    made = peer("gateway", "ours", 1, 2)
    made.passes[1].errors = 7
    assert figures.rows(scenario(made))[0].cells[0] == "gateway (7 errors)"


def test_the_terminal_shows_who_was_not_timed_and_why() -> None:
    console = Console(width=150)
    with console.capture() as captured:
        terminal.print_result(usual(), console)
    text = captured.get()
    assert "not timed: Tailcall: unavailable: needs <glibc>" in text
    assert "memory of a list" in text


def test_markdown_has_a_line_for_each_server() -> None:
    text = markdown.render(usual())
    assert "| **gateway** | **200** | **190..210** |" in text
    assert "- not timed: Tailcall: unavailable: needs <glibc>" in text


def test_the_page_is_self_contained_and_escapes_what_it_shows() -> None:
    text = page.render(usual(), [result(scenario(peer("gateway", "ours", 1), peer("by hand: bare", "hand", 1)), commit="old")])  # fmt: skip
    assert "100 posts &lt;with&gt; users" in text
    assert "needs &lt;glibc&gt;" in text
    assert "graphql-core + aiohttp left 190 of 200 unanswered" in text
    assert "<h2>History</h2>" in text
    icon = '<link rel="icon" href="data:,">'  # without one a browser asks the server for it
    assert icon in text
    for outside in ("http://", "https://", "<script", "<link", "@import"):
        assert outside not in text.replace(icon, "")


def test_plots_are_well_formed() -> None:
    bars = svg.bars([svg.Bar("a <b>", "ours", 1, 2, 3, "2 µs")], "µs")
    line = svg.lines([svg.Line("x", "ours", [(1, 10), (10, 100)])], svg.Axis("n"), svg.Axis("ms"))
    for text in (bars, line):
        ElementTree.fromstring(text)


def test_one_single_value_can_be_plotted() -> None:
    ElementTree.fromstring(svg.bars([svg.Bar("a", "ours", 5, 5, 5, "5")], "µs"))
    one = svg.lines([svg.Line("x", "ours", [(1, 10)])], svg.Axis("n", "linear"), svg.Axis("ms"))
    ElementTree.fromstring(one)


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(10, 9000, [10, 100, 1000]), (20, 300, [20, 50, 100, 200])]
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert svg.ticks(low, high) == ticks


def test_percentiles_without_an_answer_above_them_are_not_drawn() -> None:
    found = page.supported([1.0] * 9, answered=200)
    assert [at for at, _ in found] == [50.0, 75.0, 90.0, 95.0, 99.0, 99.5]


RAW = """\
<module> (/x/lib/python3.11/site-packages/uvicorn/main.py:1);Cycle.run_asgi (/x/lib/python3.11/site-packages/uvicorn/http.py:9);run (/home/me/gateway/pipeline/pipeline.py:12);part_0 (<gateway plan 1a2b anonymous>:3) 30
<module> (/x/lib/python3.11/site-packages/uvicorn/main.py:1);Cycle.run_asgi (/x/lib/python3.11/site-packages/uvicorn/http.py:9);run (/home/me/gateway/pipeline/pipeline.py:14) 10
"""


def test_a_flame_graph_starts_at_the_request_and_merges_lines_of_a_function() -> None:
    stacks = flame.read_stacks(RAW)
    root = flame.build(stacks)
    (request,) = root.below.values()
    (run,) = request.below.values()
    assert (request.name, request.samples) == ("Cycle.run_asgi (uvicorn/http.py)", 40)
    assert (run.name, run.samples) == ("run (gateway/pipeline/pipeline.py)", 40)
    own, whole = flame.heaviest(stacks)
    assert own[0] == ("part_0 (<gateway plan 1a2b anonymous>)", 0.75)
    assert dict(whole)["run (gateway/pipeline/pipeline.py)"] == 1.0
    ElementTree.fromstring(flame.render(root))


def test_what_runs_beside_requests_starts_below_the_event_loop() -> None:
    raw = "main (/x/site-packages/typer/main.py:1);run (/x/lib/python3.11/asyncio/runners.py:2);data_received (/x/site-packages/uvicorn/http.py:3) 5\n"
    (beside,) = flame.build(flame.read_stacks(raw)).below.values()
    assert beside.name == "event loop and server"
    assert list(beside.below) == ["data_received (uvicorn/http.py)"]


def test_frames_are_told_apart_by_whose_code_they_are() -> None:
    frames = ("part_0 (<gateway plan 1a2b x>)", "run (gateway/a.py)", "send (uvicorn/b.py)", "malloc (libc.so.6)")  # fmt: skip
    assert [flame.origin(frame) for frame in frames] == ["made", "own", "lib", "low"]


def test_a_generated_section_is_replaced_and_nothing_else() -> None:
    begin, end = markdown.BEGIN.format("x"), markdown.END
    before = f"head\n{begin}\n\nold\n\n{end}\ntail {markdown.BEGIN.format('y')}\nkept\n{end}\n"
    after = markdown.replace_section(before, "x", "new\n")
    assert after == before.replace("old", "new")
    assert markdown.replace_section(after, "x", "new") == after


def test_a_document_without_the_section_is_refused() -> None:
    with pytest.raises(ValueError, match="no section 'x'"):
        markdown.replace_section("text", "x", "new")


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of copies of both documents, which are published into."""
    for name in ("DOCUMENT", "README"):
        source: Path = getattr(publish, name)
        (tmp_path / name).write_text(source.read_text())
        monkeypatch.setattr(publish, name, tmp_path / name)
    return tmp_path


def test_the_documents_have_every_section_that_is_published(documents: Path) -> None:
    publish.publish(usual())
    document, readme = (documents / "DOCUMENT").read_text(), (documents / "README").read_text()
    assert "| posts-and-users | 200 | 0.50 | 40.00 | graphql-core + aiohttp, 40.00 × |" in document
    assert "| posts-and-users | by hand: bare | 0.500 [0.500..0.500] |" in document
    assert "1.20 ×" in document
    assert "| hand-written handler for this one query | 100 (95..105) | 0.50 |" in readme
    assert "Tailcall" not in readme
    publish.publish(usual())
    assert (documents / "DOCUMENT").read_text() == document


def test_targets_that_were_measured_alone_are_published_alone(documents: Path) -> None:
    publish.publish(usual())
    before, readme = (documents / "DOCUMENT").read_text(), (documents / "README").read_text()
    made = result(commit="def5678")
    made.targets = usual().scenarios
    publish.publish(made)
    document = (documents / "DOCUMENT").read_text()
    row = "| posts-and-users: gateway | by hand: bare | 1.15 | 2.000 [2.000..2.000] | 3 | too few pairs |"
    assert row in document
    assert row not in before
    assert "commit def5678" in document
    assert "commit abc1234" in document
    assert (documents / "README").read_text() == readme
    publish.publish(usual())
    assert row in (documents / "DOCUMENT").read_text()


def test_a_result_without_the_main_scenario_is_not_published() -> None:
    with pytest.raises(ValueError, match="has no posts-and-users"):
        publish.publish(result())
