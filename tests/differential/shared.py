"""Plans that texts share: a document with other literals, on the plan of the first, against the reference.

The world is a calm one, so that every error has to be equal, with its locations in the other text: its
literals have other lengths, and stand before the error on the same line.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute, parse

from gateway.errors import RequestError
from gateway.execute.operation import coerce_variables
from gateway.execute.prepared import Prepared
from gateway.execute.run import run_code
from gateway.language.normalize import Normalized, normalize
from gateway.language.slots import find_slots
from gateway.pipeline.found_plan import FoundPlan, Key, MadePlan
from gateway.pipeline.plan_cache import PlanCache
from gateway.pipeline.settings import PlanCacheSettings
from gateway.runtime.reference import IS_3_3
from gateway.runtime.request import Source
from gateway.runtime.state import Run
from tests.differential.cases import (
    WORLDS,
    Case,
    Tally,
    execute_case,
    first_error,
    is_valid,
    with_text,
)
from tests.differential.compare import compare, run

INTS = ("0", "1", "-7", "123456789", "2147483647", "13")
TOO_LONG = "2147483648"  # valid for ID and Float, not for Int
FLOATS = ("0.0", "1.5", "-2e3", "1E-2", "123456789.125", "1e999")
STRINGS = (
    '""',
    '"a"',
    '"b"',
    '"some longer text"',
    '"\\u0061"',
    '"\\"#"',
    '"bad"',
    '"é日"',
    '"id"',
)
BLOCKS = ('""""""', '"""a"""', '"""\n  two\n    lines\n"""', '"""a \\""" b"""')


class SharedPlans:
    """The plan cache of the last world."""

    def __init__(self) -> None:
        self._world: int | None = None
        self._plans: PlanCache[Prepared] | None = None

    def of(self, world: int) -> PlanCache[Prepared]:
        if world != self._world or self._plans is None:
            schema = WORLDS.get(world, calm=True).schema

            def errors_of(text: str) -> list[GraphQLError]:
                error = first_error(world, text)
                return [error] if error else []

            compile_text = compiler(schema, errors_of)
            self._world, self._plans = world, PlanCache(PlanCacheSettings(), compile_text)
        return self._plans


PLANS = SharedPlans()


def compiler(schema: GraphQLSchema, errors_of: Callable[[str], list[GraphQLError]]) -> Any:
    """Compiles the way that the service does, but for its limits."""

    def compile_text(key: Key, normalized: Normalized | None) -> MadePlan[Prepared]:
        text, name, _view = key
        document = parse(text)
        errors = errors_of(text)
        if errors:
            raise RequestError(errors, "GRAPHQL_VALIDATION_FAILED")
        slots = find_slots(schema, document, normalized) if normalized else None
        return MadePlan(
            Prepared(schema, document, name, slots=slots.free if slots else None), slots
        )

    return compile_text


def other_text(text: str, rng: Random) -> str:
    """The text with other literals of the same kinds. Mostly equal ones stay equal."""
    normalized = normalize(text)
    assert normalized is not None
    keeps_equal = rng.random() < 0.8
    chosen: dict[str, str] = {}
    parts = normalized.parts.copy()
    for index in range(1, len(parts), 2):
        token = parts[index]
        if token[0] != "#":
            other = TOO_LONG if rng.random() < 0.01 else rng.choice(kind_of(token))
            parts[index] = chosen.setdefault(token, other) if keeps_equal else other
    return "".join(parts)


def kind_of(token: str) -> tuple[str, ...]:
    if token.startswith('"""'):
        return BLOCKS
    if token[0] == '"':
        return STRINGS
    return FLOATS if any(char in token for char in ".eE") else INTS


def check_shared(case: Case, tally: Tally, tries: int = 1) -> tuple[str, Case] | None:
    """What differs between a text on a shared plan and the reference, and for which text.

    Sharing is the service's, which needs graphql-core 3.3; on 3.2 there is nothing to compare.
    """
    if not IS_3_3:
        return None
    plans = PLANS.of(case.world)
    rng = Random(case.text)
    for text in (case.text, *(other_text(case.text, rng) for _ in range(tries))):
        other = with_text(case, text)
        difference = check_text(plans, other, tally)
        if difference:
            return difference, other
    return None


def check_text(plans: PlanCache[Prepared], case: Case, tally: Tally) -> str | None:
    valid = is_valid(case)
    try:
        found = plans.lookup(case.text, case.operation_name)
    except RequestError as error:
        tally.refused += 1
        return f"refused, though it is valid: {error}" if valid else None
    if not valid:
        return f"found by {found.how}, though it is not valid"
    tally.shared += found.how == "hit_normalized"
    reference = execute_case(execute, case, parse(case.text), calm=True)
    ours = run(lambda: execute_found(found, case))
    difference = compare(reference, ours)
    if difference.subset:
        return "errors differ below one null"
    return difference.difference


def execute_found(found: FoundPlan[Prepared], case: Case) -> Any:
    """Run a found plan as `execute_operation` does, but with a root value."""
    prepared, literals = found.value, found.literals
    world = WORLDS.get(case.world, calm=True)
    source = prepared.source
    if literals is not None:
        source = Source(literals.document, case.operation_name)
    try:
        variables = coerce_variables(prepared, case.variables or {}, literals)
    except RequestError as error:
        return ExecutionResult(None, list(error.errors))
    code = prepared.code(variables.coerced)
    context: Any = {"some": "context"}
    return run_code(Run(code.bound, source, world.root_value(), context, variables, literals), code)
