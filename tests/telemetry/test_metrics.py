"""Instruments: cheap children, bounded labels, and one set of numbers from many."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from gateway.telemetry.catalogue import CERTIFICATE_EXPIRY, METRICS
from gateway.telemetry.exposition import expose
from gateway.telemetry.metrics import (
    MAX_LABEL_LENGTH,
    SECONDS,
    Counter,
    Family,
    Histogram,
    Metric,
    Registry,
    Snapshot,
    lasting,
    merge,
)

CALLS = Metric("calls", "counter", "Calls.", ("name", "kind"))
TOOK = Metric("took_seconds", "histogram", "How long.", ("name",))
WORST = Metric("worst", "gauge", "The worst.", across="max")
OPEN = Metric("open", "gauge", "How many.")
ALL = (CALLS, TOOK, WORST, OPEN)


def test_a_histogram_counts_between_boundaries_that_include_their_upper_end() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.0011, 10.0, 11.0):
        histogram.observe(seconds)
    assert histogram.counts[0] == 1
    assert histogram.counts[1] == 1
    assert histogram.counts[-2:] == [1, 1]
    assert histogram.sum == 0.001 + 0.0011 + 10.0 + 11.0


def test_a_child_is_made_once() -> None:
    family = Family(CALLS, Counter)
    family.of("a", "x").value += 1
    family.of("a", "x").value += 1
    assert list(family.samples()) == [(CALLS, ("a", "x"), 2)]


def test_beyond_the_bound_every_value_is_other_and_known_ones_go_on() -> None:
    family = Family(CALLS, Counter, {"name": 2})
    for name in ("a", "b", "c", "d", "a"):
        family.of(name, "x").value += 1
    family.of("b", "new").value += 1
    assert {labels: value for _, labels, value in family.samples()} == {
        ("a", "x"): 2,
        ("b", "x"): 1,
        ("other", "x"): 2,
        ("b", "new"): 1,
    }


def test_a_value_that_is_too_long_is_other_and_takes_no_place() -> None:
    family = Family(CALLS, Counter, {"name": 1, "kind": 1})
    family.of("x" * (MAX_LABEL_LENGTH + 1), "k").value += 1
    family.of("a", "k").value += 1
    assert {labels[0] for _, labels, _ in family.samples()} == {"other", "a"}


def snapshot_of(calls: int, seconds: list[float], worst: float, opened: int) -> Registry:
    took = Family(TOOK, Histogram)
    for second in seconds:
        took.of("a").observe(second)
    registry = Registry()
    registry.add(took.samples)
    registry.add(lambda: [(CALLS, ("a", "x"), calls), (WORST, (), worst), (OPEN, (), opened)])
    return registry


def test_two_workers_are_one() -> None:
    one = snapshot_of(3, [2**-10, 20.0], 0.5, 2).snapshot()
    two = snapshot_of(4, [2**-10], 0.2, 5).snapshot()
    merged = merge([one, two], ALL)
    assert merged["calls"] == [(("a", "x"), 7)]
    assert merged["worst"] == [((), 0.5)]
    assert merged["open"] == [((), 7)]
    assert merged["took_seconds"] == [(("a",), [2] + [0] * (len(SECONDS) - 1) + [1, 20 + 2**-9])]


def test_of_two_workers_the_certificate_that_ends_first_counts() -> None:
    """One worker that still serves the old one is what has to be seen."""
    ends: list[Snapshot] = [{CERTIFICATE_EXPIRY.name: [((), value)]} for value in (2e9, 1e9)]
    assert merge(ends, (CERTIFICATE_EXPIRY,)) == {CERTIFICATE_EXPIRY.name: [((), 1e9)]}


def test_what_a_worker_leaves_is_what_only_grows() -> None:
    left = lasting(snapshot_of(3, [1.0], 0.5, 2).snapshot(), ALL)
    assert set(left) == {"calls", "took_seconds"}


def test_the_page_in_both_formats_is_what_their_parsers_expect() -> None:
    snapshot = snapshot_of(3, [0.001, 20.0], 0.5, 2).snapshot()
    body, content_type = expose(merge([snapshot], ALL), ALL)
    assert content_type.startswith("text/plain; version=")
    families = {family.name: family for family in prometheus(body.decode())}
    assert [(s.name, s.labels, s.value) for s in families["calls"].samples] == [
        ("calls_total", {"name": "a", "kind": "x"}, 3)
    ]
    buckets = [s for s in families["took_seconds"].samples if s.name == "took_seconds_bucket"]
    assert [s.value for s in buckets] == [1] * len(SECONDS) + [2]
    assert buckets[-1].labels["le"] == "+Inf"

    body, content_type = expose(
        merge([snapshot], ALL), ALL, "application/openmetrics-text; version=1.0.0"
    )
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert {family.name for family in openmetrics(body.decode())} == {metric.name for metric in ALL}  # type: ignore[no-untyped-call]


def test_every_metric_of_the_gateway_has_a_name_of_its_own_and_says_what_it_is() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.help.endswith(".")
        assert not metric.name.endswith("_total")


def test_of_each_bucket_the_newest_trace_of_all_workers_is_named_in_openmetrics() -> None:
    snapshots = []
    for trace_id in (1, 2):
        took = Family(TOOK, Histogram)
        took.of("a").observe(0.002)
        took.of("a").exemplify(0.002, f"{trace_id:032x}")
        registry = Registry()
        registry.add(took.samples)
        registry.add(took.read_exemplars)
        snapshots.append(registry.snapshot())
    merged = merge(list(reversed(snapshots)), ALL)
    body, _ = expose(merged, ALL, "application/openmetrics-text; version=1.0.0")
    (family,) = openmetrics(body.decode())  # type: ignore[no-untyped-call]
    named = [sample for sample in family.samples if sample.exemplar is not None]
    assert [(sample.labels["le"], sample.exemplar.labels) for sample in named] == [
        ("0.0025", {"trace_id": f"{2:032x}"})
    ]
    assert b"trace_id" not in expose(merged, ALL)[0]
    assert set(lasting(merged, ALL)) == {"took_seconds"}
