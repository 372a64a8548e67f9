"""The soak of reloads, short: it finds nothing, and it would find what it looks for."""

from __future__ import annotations

from tests.soak.reloads import Figures, Options, Subscriber, problems, run_soak, table


async def test_reloads_under_load_fail_lose_and_double_nothing() -> None:
    options = Options(
        seconds=12, rate=30, subscriptions=40, reloads=8, broken=2, removing=2, plans=10, connections=4
    )  # fmt: skip
    figures = await run_soak(options)
    assert not problems(figures), "\n".join(table(figures))
    assert figures.counts["ended with the reason"] == figures.counts["told to end"] > 0
    assert figures.counts["events"] > 0


def test_a_lost_event_a_doubled_one_and_a_wrong_end_are_found() -> None:
    figures = Figures()
    one = Subscriber("subscription { ticks { n } }", False, figures)
    for number in (1, 3, 3):
        one.hear({"type": "next", "payload": {"data": {"ticks": {"n": number}}}})
    one.hear({"type": "complete"})
    assert problems(figures) == ["lost", "doubled", "ended wrongly"]
