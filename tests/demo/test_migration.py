"""`make demo-migration` tells what the page about migration says, by real processes."""

from __future__ import annotations

from demo.migration import PAGE, run_story


def test_the_story_of_a_move_is_told_to_its_end() -> None:
    told: list[str] = []
    run_story(told.append)
    text = "\n".join(told)
    assert [line[:2] for line in told if line[:1].isdigit()] == ["1.", "2.", "3.", "4.", "5."]
    assert "    VideoStats.likes: value 10" in told, "one row of 200 is wrong"
    assert "      value at 49.likes" in text
    assert "to 20 %: the gate is open" in text
    assert "  Query.stats: monolith -> statistics, percent, 20 %" in told
    assert "  switched: stats-rest off" in told
    assert "   errors that clients have seen: 0" in told
    assert '  -    @override(from: "monolith", label: "stats-rest")' in told
    assert "<h3>Query.stats</h3>" in PAGE.read_text()
