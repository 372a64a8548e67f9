"""The plan cache: what it finds, what it makes once, what it forgets."""

from __future__ import annotations

import asyncio
import gc
import linecache
import weakref
from pathlib import Path

import pytest
from graphql import GraphQLError, build_schema, print_ast

from gateway.errors import ClientError, ConfigError, RequestError
from gateway.execute.prepared import Prepared
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.language.normalize import Normalized
from gateway.language.slots import find_slots
from gateway.pipeline.found_plan import Key, MadePlan
from gateway.pipeline.plan_budget import PlanBudget
from gateway.pipeline.plan_cache import BYTES_PER_ENTRY, PlanCache
from gateway.pipeline.settings import PlanCacheSettings
from gateway.pipeline.warm import warm_plans
from tests.plan.test_admission import Clock

SCHEMA = build_schema("""
    scalar Own
    type Query { a(id: ID, n: Int, f: Float, own: Own): String, b: String }
""")


class Value:
    """A compiled operation."""

    def __init__(self, text: str) -> None:
        self.text = text


class Compiler:
    """Compiles against `SCHEMA` and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    def __call__(self, key: Key, normalized: Normalized | None) -> MadePlan[Value]:
        text, name, _view = key
        self.asked.append((text, name))
        document = load_document(text, SCHEMA, Limits())
        slots = find_slots(SCHEMA, document, normalized) if normalized else None
        return MadePlan(Value(text), slots)


def make_cache(**settings: int) -> tuple[PlanCache[Value], Compiler]:
    compiler = Compiler()
    return PlanCache(PlanCacheSettings(**settings), compiler), compiler  # type: ignore[arg-type]


def test_the_same_text_is_compiled_once() -> None:
    cache, compiler = make_cache()
    first = cache.lookup("{ b }", None)
    second = cache.lookup("{ b }", None)
    assert (first.how, second.how) == ("miss", "hit")
    assert first.value is second.value
    assert second.literals is None
    assert len(compiler.asked) == 1
    assert (cache.counters.misses, cache.counters.exact) == (1, 1)


def test_the_operation_name_is_part_of_the_key() -> None:
    cache, _ = make_cache()
    text = "query A { b } query B { a }"
    assert cache.lookup(text, "A").value is not cache.lookup(text, "B").value


def test_other_literals_find_the_plan_and_bring_their_values() -> None:
    cache, compiler = make_cache()
    made = cache.lookup('{ a(id: "x", n: 1) }', None)
    found = cache.lookup('{ a(id: "yy", n: -5) }', None)
    assert found.how == "hit_normalized"
    assert found.value is made.value
    assert found.literals is not None
    assert [print_ast(found.literals.node(slot)) for slot in (0, 1)] == ['"yy"', "-5"]
    again = cache.lookup('{ a(id: "yy", n: -5) }', None)
    assert again.how == "hit"
    assert again.value is made.value
    assert again.literals is not None
    assert again.literals.raws == ['"yy"', "-5"]
    assert len(compiler.asked) == 1
    assert cache.counters.normalized == 1


@pytest.mark.parametrize(
    "other",
    [
        '{ a(id: "x", n: 2, own: 6) }',  # under a custom scalar
        "{ a(id: 5, n: 1, own: 5) }",  # another kind
        '{ a(id: "x", n: 99, own: 5) b }',
    ],
)
def test_what_may_not_vary_makes_another_plan(other: str) -> None:
    cache, _ = make_cache()
    made = cache.lookup('{ a(id: "x", n: 1, own: 5) }', None)
    found = cache.lookup(other, None)
    assert found.how == "miss"
    assert found.value is not made.value


def test_texts_with_other_pinned_values_each_keep_their_plan() -> None:
    cache, compiler = make_cache()
    five = cache.lookup("{ a(n: 1, own: 5) }", None).value
    six = cache.lookup("{ a(n: 1, own: 6) }", None).value
    assert cache.lookup("{ a(n: 2, own: 5) }", None).value is five
    assert cache.lookup("{ a(n: 2, own: 6) }", None).value is six
    assert len(compiler.asked) == 2


def test_validity_depends_on_which_literals_are_equal() -> None:
    cache, _ = make_cache()
    cache.lookup('{ a(id: "x") a(id: "x") }', None)
    assert cache.lookup('{ a(id: "y") a(id: "y") }', None).how == "hit_normalized"
    with pytest.raises(RequestError, match="conflict"):
        cache.lookup('{ a(id: "x") a(id: "y") }', None)
    assert cache.lookup('{ a(id: "z") a(id: "\\u007a") }', None).how == "hit_normalized"


def test_of_a_name_that_is_longer_than_its_document_no_more_is_kept() -> None:
    cache, _ = make_cache()
    cache.lookup("{ b }", "n" * 1_000)
    [key] = cache.recent(1)
    assert key.operation_name == "n" * 5


def test_a_refusal_of_many_words_is_made_again() -> None:
    cache, compiler = make_cache()
    name = "n" * 17_000
    for _ in range(2):
        with pytest.raises(RequestError, match="Cannot query field"):
            cache.lookup(f"{{ {name} }}", None)
    assert len(compiler.asked) == 2


def test_a_literal_that_its_type_refuses_is_validated_itself() -> None:
    cache, _ = make_cache()
    cache.lookup("{ a(n: 1) }", None)
    with pytest.raises(RequestError, match="32-bit"):
        cache.lookup("{ a(n: 3000000000) }", None)
    cache.lookup("{ a(f: 1.5) }", None)
    assert cache.lookup("{ a(f: 1e2) }", None).how == "hit_normalized"


def test_refused_documents_are_remembered_and_do_not_evict_plans() -> None:
    cache, compiler = make_cache(max_entries=2, max_rejected=3)
    cache.lookup("{ b }", None)
    for number in range(10):
        with pytest.raises(RequestError):
            cache.lookup(f"{{ nothing{number} }}", None)
    assert cache.lookup("{ b }", None).how == "hit"
    asked = len(compiler.asked)
    with pytest.raises(RequestError) as first:
        cache.lookup("{ nothing9 }", None)
    with pytest.raises(RequestError) as second:
        cache.lookup("{ nothing9 }", None)
    assert len(compiler.asked) == asked
    assert cache.counters.rejected == 2
    assert first.value is not second.value
    error = second.value.errors[0]
    assert error.message == "Cannot query field 'nothing9' on type 'Query'."
    assert [(at.line, at.column) for at in error.locations or ()] == [(1, 3)]
    assert error.nodes is None
    with pytest.raises(RequestError):
        cache.lookup("{ nothing0 }", None)
    assert len(compiler.asked) == asked + 1


def test_the_error_of_a_limit_is_remembered_whole() -> None:
    cache, _ = make_cache()
    deep = "{ a" * 30 + " }" * 30
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            cache.lookup(deep, None)
        assert (caught.value.code, caught.value.http_status) == ("MAX_DEPTH_LIMIT", 400)
    assert cache.counters.rejected == 1


def test_a_refusal_for_now_is_not_remembered() -> None:
    """The document that was refused once too many came may be sent again, as its answer says."""
    compiler, is_busy = Compiler(), True

    def compile_text(key: Key, normalized: Normalized | None) -> MadePlan[Value]:
        if is_busy:
            raise ClientError("Later.", code="UNCACHED_DOCUMENTS_LIMIT", retry_after_s=1)
        return compiler(key, normalized)

    cache: PlanCache[Value] = PlanCache(PlanCacheSettings(), compile_text)
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            cache.lookup("{ b }", None)
        assert caught.value.headers == {"retry-after": "1"}
    is_busy = False
    assert cache.lookup("{ b }", None).how == "miss"
    assert cache.counters.rejected == 0


def test_what_the_compiler_breaks_on_is_not_remembered() -> None:
    def broken(*_: object) -> MadePlan[Value]:
        raise RuntimeError("a fault")

    cache: PlanCache[Value] = PlanCache(PlanCacheSettings(), broken)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            cache.lookup("{ b }", None)
    assert cache.counters.misses == 2


def test_a_text_too_long_to_be_read_is_not_kept() -> None:
    cache, compiler = make_cache()
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            cache.lookup("{ b }" + " " * 40_000, None)
        assert caught.value.code == "MAX_DOCUMENT_LIMIT"
    assert len(compiler.asked) == 2


def test_the_least_recently_used_plan_goes_first() -> None:
    cache, _ = make_cache(max_entries=2)
    cache.lookup("{ a }", None)
    cache.lookup("{ b }", None)
    cache.lookup("{ a }", None)
    cache.lookup("{ a b }", None)
    assert cache.lookup("{ a }", None).how == "hit"
    assert cache.lookup("{ b }", None).how == "miss"
    assert len(cache) == 2
    assert cache.counters.evictions == 2


def test_a_hit_by_other_literals_keeps_a_plan_young() -> None:
    cache, _ = make_cache(max_entries=2)
    cache.lookup("{ a(n: 1) }", None)
    cache.lookup("{ b }", None)
    cache.lookup("{ a(n: 2) }", None)
    cache.lookup("{ a b }", None)
    assert cache.lookup("{ a(n: 3) }", None).how == "hit_normalized"


def test_plans_are_bounded_by_estimated_bytes() -> None:
    settings = PlanCacheSettings(max_size_bytes=150_000)
    cache = PlanCache(settings, Compiler(), size_of=lambda value: 100 * len(value.text))
    one = "{ b " + "#" * 1_000 + "\n}"
    for name in "abc":
        cache.lookup(f"query {name} {one}", None)
    assert len(cache) == 1
    cache.lookup("{ b }", None)
    assert len(cache) == 2
    assert cache.size_bytes == 2 * BYTES_PER_ENTRY + 100 * (len(f"query a {one}") + len("{ b }"))


def test_what_is_made_later_for_a_plan_counts_in_its_size() -> None:
    sizes = {"{ a }": 1_000, "{ b }": 1_000}
    settings = PlanCacheSettings(max_size_bytes=20_000)
    cache = PlanCache(settings, Compiler(), size_of=lambda value: sizes[value.text])
    cache.lookup("{ a }", None)
    value = cache.lookup("{ b }", None).value
    sizes["{ b }"] = 12_000
    with cache.growing(value, None):
        pass
    assert cache.size_bytes == 2 * BYTES_PER_ENTRY + 13_000
    sizes["{ b }"] = 30_000
    with cache.growing(value, None):
        pass
    assert len(cache) == 1
    assert cache.lookup("{ b }", None).value is value


def test_who_is_not_admitted_is_not_remembered_as_refused() -> None:
    clock = Clock()
    budget = PlanBudget(1.0, clock=clock, cpu_clock=clock.cpu)
    cache = PlanCache(PlanCacheSettings(), Compiler(), budget=budget)
    budget.charge("one", 100.0)
    with pytest.raises(ClientError) as caught:
        cache.lookup("{ b }", None, "one")
    assert caught.value.code == "UNCACHED_DOCUMENTS_LIMIT"
    clock.now += 1_000
    assert cache.lookup("{ b }", None, "one").how == "miss"
    budget.charge("one", 100.0)
    assert cache.lookup("{ b }", None, "one").how == "hit"
    assert (
        cache.lookup("{ a }", None).how == "miss"
    )  # the gateway itself is neither refused nor charged


def test_an_evicted_plan_is_let_go_with_every_text_that_led_to_it() -> None:
    cache, _ = make_cache(max_entries=1)
    dropped = weakref.ref(cache.lookup("{ a(n: 1) }", None).value)
    cache.lookup("{ a(n: 2) }", None)
    cache.lookup("{ a(n: 3) }", None)
    assert dropped() is not None
    cache.lookup("{ b }", None)
    gc.collect()
    assert dropped() is None
    assert cache.lookup("{ a(n: 2) }", None).how == "miss"


def test_the_source_of_an_evicted_plan_leaves_linecache() -> None:
    def compile_plan(key: Key, _: Normalized | None) -> MadePlan[Prepared]:
        document = load_document(key.text, SCHEMA, Limits())
        return MadePlan(Prepared(SCHEMA, document, key.operation_name))

    def sources() -> set[str]:
        gc.collect()
        return {name for name in linecache.cache if "gateway plan" in name}

    before = sources()
    plans = PlanCache(PlanCacheSettings(max_entries=3), compile_plan)
    for number in range(10):
        plans.lookup(f"query Evicted{number} {{ b }}", None)
    assert len(sources() - before) == 3
    del plans
    assert sources() <= before


def test_texts_are_bounded_and_their_plan_outlives_them() -> None:
    cache, compiler = make_cache(max_texts=2)
    for number in range(5):
        cache.lookup(f"{{ a(n: {number}) }}", None)
    assert cache.lookup("{ a(n: 4) }", None).how == "hit"
    assert cache.lookup("{ a(n: 0) }", None).how == "hit_normalized"
    assert len(compiler.asked) == 1


async def test_equal_misses_at_the_same_time_compile_once() -> None:
    cache, compiler = make_cache()

    async def ask() -> Value:
        await asyncio.sleep(0)
        return cache.lookup("{ b }", None).value

    values = await asyncio.gather(*(ask() for _ in range(20)))
    assert len(set(values)) == 1
    assert len(compiler.asked) == 1


def test_time_in_the_compiler_is_counted() -> None:
    ticks = iter([1.0, 1.25, 2.0, 2.5])
    cache: PlanCache[Value] = PlanCache(PlanCacheSettings(), Compiler(), clock=lambda: next(ticks))
    cache.lookup("{ b }", None)
    with pytest.raises(RequestError):
        cache.lookup("{ nothing }", None)
    assert cache.counters.compile_s == 0.75


def test_plans_are_warmed_from_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "more" / "deep").mkdir(parents=True)
    (tmp_path / "one.graphql").write_text("query One { a(n: 1) }")
    (tmp_path / "more" / "deep" / "two.graphql").write_text("query A { b } query B { a }")
    (tmp_path / "more" / "notes.txt").write_text("not GraphQL")
    cache, _ = make_cache()
    assert warm_plans(cache, ("one.graphql", "more"), tmp_path) == 4
    assert cache.lookup("query One { a(n: 1) }", None).how == "hit"
    assert cache.lookup("query One { a(n: 2) }", "One").how == "hit_normalized"
    assert cache.lookup("query A { b } query B { a }", "B").how == "hit"


@pytest.mark.parametrize("text", ["{ nothing }", "{ b", "{ b }" + " " * 40_000, None])
def test_a_file_that_cannot_be_warmed_ends_the_start(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "bad.graphql").write_text(text)
    cache, _ = make_cache()
    with pytest.raises(ConfigError) as caught:
        warm_plans(cache, ("bad.graphql",), tmp_path)
    assert caught.value.key == "plan_cache.warm"
    assert str(caught.value.file).endswith("bad.graphql")


def test_errors_keep_their_words_and_places_when_remembered() -> None:
    cache, _ = make_cache()
    caught: list[list[GraphQLError]] = []
    for _ in range(2):
        with pytest.raises(RequestError) as refused:
            cache.lookup("{ b\n nothing { x } }", None)
        caught.append(list(refused.value.errors))
    fresh, kept = ([error.formatted for error in errors] for errors in caught)
    assert fresh == kept
