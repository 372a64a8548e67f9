"""Plans that come and go are looked at by the collector a few at a time: counted, not timed."""

from __future__ import annotations

import gc

import pytest

from gateway.pipeline import young_plans
from gateway.pipeline.found_plan import MadePlan
from gateway.pipeline.plan_cache import PlanCache
from gateway.pipeline.settings import PlanCacheSettings


class Made:
    """A plan."""


def test_evicted_plans_have_young_objects_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(gc, "isenabled", lambda: True)
    monkeypatch.setattr(gc, "collect", looked.append)
    cache = PlanCache(
        PlanCacheSettings(max_entries=2), lambda *_: MadePlan(Made(), slots=None, literals=None)
    )
    each = 3 * young_plans.EVERY
    for number in range(2 + each):
        cache.lookup(f"{{ a{number} }}", None)
    assert cache.counters.evictions == each
    assert looked == [1] * 3  # what is found alive is old: it is not looked at again


def test_nothing_is_looked_at_where_the_collector_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(gc, "collect", looked.append)
    monkeypatch.setattr(gc, "isenabled", lambda: False)
    young = young_plans.YoungPlans()
    for _ in range(young_plans.EVERY):
        young.note_evicted()
    assert not looked
