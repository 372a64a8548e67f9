"""Compiles the operations of files before a worker is ready, so that its first requests find their plans."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from graphql import GraphQLSyntaxError, OperationDefinitionNode, parse

from gateway.errors import ClientError, ConfigError, RequestError
from gateway.pipeline.found_plan import Key
from gateway.pipeline.plan_cache import PlanCache
from gateway.settings.folder_files import files_in
from gateway.settings.text_file import read_text_file

T = TypeVar("T")
Rest = Callable[[], object]
"""Called after each plan."""
logger = logging.getLogger("gateway.plan")


def warm_plans(plans: PlanCache[T], paths: Sequence[str], base: Path) -> int:
    """Compile every operation of the files, and of the `.graphql` files below the folders.

    Shape: the number of plans made. An operation that is alone in its file is compiled under its name
        and without one: clients send either.
    Errors: ConfigError with the file that cannot be read or compiled.
    """
    count = 0
    for path in _files(paths, base):
        text = read_text_file(path, "file", key="plan_cache.warm")
        try:
            for name in _operation_names(text):
                plans.lookup(text, name)
                count += 1
        except (GraphQLSyntaxError, RequestError, ClientError) as error:
            raise ConfigError(
                f"the operation cannot be compiled: {error}",
                key="plan_cache.warm",
                file=str(path),
                hint="mend the file, or take it out of plan_cache.warm",
            ) from error
    return count


def warm_texts(plans: PlanCache[T], documents: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Compile every operation of trusted documents; one that is refused is refused later too.

    Args:
        plans: Where the plans are kept.
        documents: Ids and texts.

    Returns:
        Why documents are refused, by their ids.
    """
    refused: dict[str, str] = {}
    for id_, text in documents:
        name = None
        try:
            for name in _operation_names(text):
                plans.lookup(text, name)
        except (GraphQLSyntaxError, RequestError, ClientError) as error:
            operation = f", operation {name}," if name is not None else ""
            refused[id_] = f"the trusted document {id_}{operation} cannot be compiled: {error}"
    return refused


def log_refused(refused: Mapping[str, str]) -> None:
    """Write a line for each trusted document that is refused."""
    for why in refused.values():
        logger.warning("%s", why)


def no_rest() -> None:
    """Go on at once."""


def warm_documents(plans: PlanCache[T], documents: Iterable[Key], rest: Rest = no_rest) -> int:
    """Compile documents that another schema has plans of; one that this schema refuses is refused.

    Shape: the number of plans made.

    Args:
        plans: Gets them.
        documents: By the keys of the other schema's plans.
        rest: Called after each.
    """
    count = 0
    for text, name, view in documents:
        try:
            plans.lookup(text, name, view=view)
            count += 1
        except (RequestError, ClientError):
            continue
        finally:
            rest()
    return count


def _files(paths: Sequence[str], base: Path) -> Iterator[Path]:
    for name in paths:
        path = base / name
        if path.is_dir():
            yield from files_in(path, ".graphql")
        else:
            yield path


def _operation_names(text: str) -> list[str | None]:
    nodes = [n for n in parse(text).definitions if isinstance(n, OperationDefinitionNode)]
    names: list[str | None] = [node.name.value for node in nodes if node.name]
    return [None, *names] if len(nodes) == 1 else names
