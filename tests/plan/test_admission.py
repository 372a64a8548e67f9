"""The CPU that new plans may take: by client, by what they really took, with clocks that are set by hand."""

from __future__ import annotations

import random

import pytest

from gateway.errors import ClientError
from gateway.pipeline.plan_budget import BURST_S, FORGET_S, MAX_CLIENTS, PlanBudget


class Clock:
    """Two clocks that stand still until they are set."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.taken = 0.0

    def __call__(self) -> float:
        return self.now

    def cpu(self) -> float:
        return self.taken


class Worker:
    """Makes plans for clients: each costs CPU, and time goes on meanwhile."""

    def __init__(self, rate: float = 0.25) -> None:
        self.clock = Clock()
        self.budget = PlanBudget(rate, clock=self.clock, cpu_clock=self.clock.cpu)
        self.refused: ClientError | None = None

    def make(self, client: str, cpu_s: float, *, fails: bool = False) -> bool:
        """Whether the client was admitted."""
        try:
            with self.budget.spend(client):
                self.clock.taken += cpu_s
                self.clock.now += cpu_s
                if fails:
                    self.fail()
        except ClientError as error:
            self.refused = error
            return False
        except ValueError:
            pass
        return True

    def fail(self) -> None:
        raise ValueError("the document is not valid")


def test_a_client_alone_gets_half_of_what_is_there_at_once_and_then_the_rate() -> None:
    worker = Worker(rate=0.25)
    at_once = sum(worker.make("one", 0.01) for _ in range(1_000))
    half = 0.25 * BURST_S / 2
    assert half * 100 <= at_once <= half * 100 * 1.4 + 1
    begin, made = worker.clock.now, 0
    while worker.clock.now < begin + 100:
        made += worker.make("one", 0.01)
        worker.clock.now += 0.002
    assert made * 0.01 == pytest.approx(0.25 * 100, rel=0.05)


@pytest.mark.parametrize("cpu_s", [0.0005, 0.05, 0.3])
@pytest.mark.parametrize("fails", [False, True])
def test_a_client_that_floods_does_not_lock_others_out(cpu_s: float, fails: bool) -> None:
    worker = Worker()
    refused = 0
    for _ in range(3_000):
        refused += not worker.make("flood", cpu_s, fails=fails)
        worker.clock.now += 0.001
        if random.Random(worker.clock.now).random() < 0.01:
            assert worker.make("honest", 0.005)
    assert refused > 1_000 or cpu_s < 0.001


def test_many_that_flood_are_held_to_the_rate() -> None:
    worker = Worker()
    begin = worker.clock.now
    made = 0
    while worker.clock.now < begin + 60:
        made += sum(worker.make(f"flood{n}", 0.02) for n in range(30))
        worker.clock.now += 0.01
    assert made * 0.02 <= 0.25 * (60 + BURST_S) + 1.0


def test_the_debt_of_a_costly_document_is_paid_before_the_next() -> None:
    worker = Worker()
    assert worker.make("one", 10.0)
    assert not worker.make("one", 0.001)
    error = worker.refused
    assert error is not None
    assert (error.code, error.http_status) == ("UNCACHED_DOCUMENTS_LIMIT", 429)
    assert not worker.make("other", 0.001)  # what is used up is used up
    assert worker.refused is not error
    worker.clock.now += int(error.headers["retry-after"])
    assert worker.make("one", 0.001)


def test_what_a_client_took_is_forgotten() -> None:
    worker = Worker()
    worker.make("one", 1.2)
    worker.make("other", 0.1)
    assert not worker.make("one", 0.001)
    worker.clock.now += FORGET_S
    assert worker.make("one", 0.001)
    assert len(worker.budget) == 1


def test_clients_that_are_remembered_are_bounded() -> None:
    worker = Worker(rate=10.0)
    for n in range(3 * MAX_CLIENTS):
        worker.make(f"client{n}", 0.0001)
    assert len(worker.budget) == MAX_CLIENTS


def test_without_a_rate_everybody_is_admitted() -> None:
    worker = Worker(rate=0)
    assert all(worker.make("one", 1.0) for _ in range(1_000))
