"""Who hangs for all rests; who hangs for one client is asked on by the others."""

from __future__ import annotations

from gateway.concurrency.patience import MOST_MISSED, REST_S, Patience


def test_who_answers_nobody_rests_and_is_tried_again() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    rests = []
    for _ in range(MOST_MISSED):
        rests.append(patience.is_over)
        patience.missed(patience.begin())
    rests.append(patience.is_over)
    now[0] += REST_S
    rests.append(patience.is_over)
    patience.missed(patience.begin())
    rests.append(patience.is_over)
    assert rests == [*[False] * MOST_MISSED, True, False, True]


def test_who_answers_others_meanwhile_is_asked_on() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0])
    began = [patience.begin() for _ in range(3 * MOST_MISSED)]
    now[0] += 0.1
    patience.answered()
    now[0] += 0.1
    for one in began:
        patience.missed(one)
    assert not patience.is_over
