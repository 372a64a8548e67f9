"""One case: a seed to a world, a document and variables, and every comparison that is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random
from typing import Any

from graphql import GraphQLError, execute, parse, validate

from gateway.integrations import graphql_core as dropin
from tests.differential.compare import Outcome, compare, run
from tests.differential.documents import DocumentMaker, variable_values
from tests.differential.worlds import World

WORLD_SIZE = 8  # cases that share a world: building a schema costs as much as several cases


@dataclass(frozen=True)
class Case:
    """What is executed.

    Attributes:
        world: The world's seed.
        text: The document.
        operation_name: As asked for.
        variables: As sent.
    """

    world: int
    text: str
    operation_name: str | None
    variables: dict[str, Any] | None


@dataclass
class Tally:
    """What was compared so far."""

    cases: int = 0
    invalid: int = 0
    awaited: int = 0
    with_errors: int = 0
    request_errors: int = 0
    subsets: int = 0
    fallbacks: int = 0
    shared: int = 0
    refused: int = 0
    seen: set[str] = field(default_factory=set)

    def line(self) -> str:
        return (
            f"{self.cases} cases ({self.invalid} invalid documents left out): {self.awaited} awaited, "
            f"{self.with_errors} with errors, {self.request_errors} request errors, {self.subsets} with "
            f"another subset of errors below one null, {self.shared} with another text's plan, "
            f"{self.refused} refused texts, {self.fallbacks} fallbacks"
        )


def make_cases(start: int) -> Iterator[Case]:
    """The cases of seeds from `start` on, without end. `start` counts cases."""
    seed = start // WORLD_SIZE
    while True:
        world = World(seed)
        for number in range(WORLD_SIZE):
            rng = Random(f"case {seed} {number}")
            maker = DocumentMaker(world.schema, rng)
            text, name, asked = maker.make()
            yield Case(seed, text, name, variable_values(asked))
        seed += 1


class Worlds:
    """The last worlds, since cases come in runs of one world."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bool], World] = {}

    def get(self, seed: int, calm: bool = False) -> World:
        key = (seed, calm)
        if key not in self._known:
            if len(self._known) > 2:
                self._known.clear()
            self._known[key] = World(seed, calm=calm)
        return self._known[key]


WORLDS = Worlds()


@lru_cache(maxsize=8)
def first_error(world: int, text: str) -> GraphQLError | None:
    """What the reference's rules say against a document."""
    try:
        errors = validate(WORLDS.get(world).schema, parse(text), max_errors=1)
    except GraphQLError as error:
        return error
    return errors[0] if errors else None


def is_valid(case: Case) -> bool:
    """Whether the reference's rules accept the document."""
    return first_error(case.world, case.text) is None


def execute_case(
    executor: Callable[..., Any], case: Case, document: Any, *, calm: bool = False
) -> Outcome:
    """One execution, over data of its own."""
    world = WORLDS.get(case.world, calm)
    return run(
        lambda: executor(
            world.schema,
            document,
            world.root_value(),
            {"some": "context"},
            variable_values=case.variables,
            operation_name=case.operation_name,
        )
    )


def check_case(case: Case, tally: Tally) -> str | None:
    """What differs in a case; None when nothing does."""
    if not is_valid(case):
        tally.invalid += 1
        return None
    tally.cases += 1
    document = parse(case.text)
    reference = execute_case(execute, case, document)
    tally.awaited += reference.awaited
    tally.with_errors += bool(reference.errors)
    tally.request_errors += reference.data is None and bool(reference.errors)
    before = sum(dropin.fallbacks.values())
    for name in ("cold", "cached"):
        verdict = compare(reference, execute_case(dropin.execute, case, document))
        if verdict.difference:
            return f"{name}: {verdict.difference}"
        if verdict.subset:
            difference = check_calm(case)
            if difference:
                return f"without awaitables: {difference}"
            tally.subsets += name == "cold"
    tally.fallbacks += sum(dropin.fallbacks.values()) > before
    verdict = compare(reference, execute_case(execute_wrapped, case, document))
    return f"wrapped: {verdict.difference}" if verdict.difference else None


def call_next(next_: Callable[..., Any], *given: Any, **arguments: Any) -> Any:
    """A middleware that wraps every field, and does nothing."""
    return next_(*given, **arguments)


def execute_wrapped(*given: Any, **named: Any) -> Any:
    """The drop-in under a middleware: no field is read by the plan itself."""
    return dropin.execute(*given, middleware=[call_next], **named)


def check_calm(case: Case) -> str | None:
    """The same case in a world without awaitables: nothing may differ."""
    document = parse(case.text)
    reference = execute_case(execute, case, document, calm=True)
    ours = execute_case(dropin.execute, case, document, calm=True)
    if ours.awaited:
        return "something was awaited"
    return compare(reference, ours).difference


def with_text(case: Case, text: str) -> Case:
    return replace(case, text=text)
