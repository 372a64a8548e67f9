"""Runs a query with `@defer` on compiled plans: the first payload, then what is deferred, as it gets done.

What one fragment defers is one run of its plan over all objects that it stands at: one batch for each of its
steps, however many objects. It formats nothing and imports nothing of incremental delivery before it runs:
graphql-core 3.2 has none.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import graphql
from graphql import ExecutionResult, GraphQLError

from gateway.codegen.code import Code
from gateway.execute.run import run_code
from gateway.runtime.bounds import ResultLimitError
from gateway.runtime.complete import complete_parent
from gateway.runtime.drive import run_steps
from gateway.runtime.expand import expand_spots
from gateway.runtime.state import Run

if TYPE_CHECKING:  # graphql-core 3.2 has none
    from graphql import ExperimentalIncrementalExecutionResults
    from graphql.execution import PendingResult


@dataclass(frozen=True, slots=True)
class DeferredCode:
    """The code of one deferred fragment, over the rows of a selection of the first plan."""

    selection: int
    label: str | None
    code: Code


@dataclass(frozen=True, slots=True)
class IncrementalCode:
    """The code of a plan that delivers in parts."""

    initial: Code
    deferred: tuple[DeferredCode, ...]

    def is_current(self) -> bool:
        """Whether the schema still has the functions that the plans were bound to."""
        codes = [self.initial, *(part.code for part in self.deferred)]
        return all(code.is_current() for code in codes)


@dataclass(slots=True)
class _Group:
    """One deferred fragment at all its objects that are in the first payload."""

    part: DeferredCode
    rows: list[Any]
    paths: list[Any]
    pending: list[PendingResult]


async def run_incrementally(
    run: Run, code: IncrementalCode
) -> ExecutionResult | ExperimentalIncrementalExecutionResults:
    """Run the first plan; one result where nothing is deferred after all.

    Errors: IntrospectionError before anything of the user's has run.
    """
    started = run_code(run, code.initial)
    result = started if isinstance(started, ExecutionResult) else await started
    groups = _groups_of(run, code) if code.deferred and result.data is not None else []
    if not groups:
        return result
    from graphql.execution import InitialIncrementalExecutionResult

    pending = [item for group in groups for item in group.pending]
    initial = InitialIncrementalExecutionResult(result.data, result.errors, pending, True)
    return graphql.ExperimentalIncrementalExecutionResults(initial, _later(run, groups))


def _groups_of(run: Run, code: IncrementalCode) -> list[_Group]:
    """What is pending: fragments at objects that no error has nulled."""
    from graphql.execution import PendingResult

    groups = []
    count = 0
    for part in code.deferred:
        group = _Group(part, [], [], [])
        rows = run.kept.get(part.selection, [])
        paths = run.row_paths(run.bound.selections[part.selection]) if rows else []
        for row, path in zip(rows, paths, strict=True):
            keys = path.as_list() if path is not None else []
            if _is_shown(run.data, keys):
                group.rows.append(row)
                group.paths.append(path)
                group.pending.append(PendingResult(str(count), keys, part.label))
                count += 1
        if group.rows:
            groups.append(group)
    return groups


def _is_shown(data: Any, keys: Sequence[str | int]) -> bool:
    for key in keys:
        if data is None:
            return False
        data = data[key]
    return data is not None


async def _later(run: Run, groups: list[_Group]) -> AsyncGenerator[Any, None]:
    """The payloads after the first: one for each group, the first to be done first."""
    from graphql.execution import SubsequentIncrementalExecutionResult

    tasks = {asyncio.ensure_future(_run_group(run, group)) for group in groups}
    try:
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            incremental, completed = [], []
            for task in done:
                parts, ends = task.result()
                incremental += parts
                completed += ends
            yield SubsequentIncrementalExecutionResult(
                bool(tasks), None, incremental or None, completed
            )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run_group(run: Run, group: _Group) -> tuple[list[Any], list[Any]]:
    """Run a fragment at all its objects: what they get, and that they are completed."""
    from graphql.execution import CompletedResult, IncrementalDeferResult

    code = group.part.code
    below = Run(code.bound, run.source, run.root, run.context, run.variables, run.literals)
    below.hide_suggestions, below.limits = run.hide_suggestions, run.limits
    below.nodes_left, below.errors_left = run.nodes_left, run.errors_left
    below.parents = group.rows
    below.paths[code.bound.roots[0].id] = group.paths
    outcomes: list[tuple[dict[str, Any] | None, list[GraphQLError]]] = []

    def refuse(error: ResultLimitError) -> None:
        outcomes[:] = [(None, error.result().errors or [])] * len(group.rows)

    def finish() -> None:
        if code.other_forms:
            code.revise(run.context)

    started = run_steps(below, _steps(below, code, group, outcomes), finish, refuse)
    if inspect.isawaitable(started):
        await started
    incremental, completed = [], []
    for pending, (data, errors) in zip(group.pending, outcomes, strict=True):
        if data is None:
            completed.append(CompletedResult(pending.id, errors))
        else:
            incremental.append(IncrementalDeferResult(data, pending.id, None, errors or None))
            completed.append(CompletedResult(pending.id))
    return incremental, completed


def _steps(run: Run, code: Code, group: _Group, outcomes: list[Any]) -> Any:
    part = code.parts[0]
    shaped = yield from part(run)
    if not (run.pending or run.dirty):
        outcomes += [(data, []) for data in shaped]
        return
    run.shaped = list(zip(group.paths, shaped, strict=True))
    yield from expand_spots(run)
    for item, data in zip(group.pending, shaped, strict=True):
        outcomes.append((yield from complete_parent(run, run.bound.roots[0], data, item.path)))
