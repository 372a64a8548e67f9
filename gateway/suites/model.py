"""A suite as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ExpectedRequest:
    """What a connector is to send; what is None is not looked at.

    Attributes:
        method: Upper case.
        url: Whole; compared after decoding, parameters in any order.
        headers: By name; there may be others.
        body: As text; JSON is compared by its value.
    """

    method: str
    url: str | None
    headers: Mapping[str, str]
    body: str | None


@dataclass(frozen=True, slots=True)
class ExpectedMessage:
    """A problem of a mapping, or an error.

    Attributes:
        message: Of it, whole; or None.
        part: A part of it, where there is no `message`.
        path: Of a problem, with dots; None for any.
    """

    message: str | None
    part: str | None
    path: str | None = None

    def __str__(self) -> str:
        return self.message if self.message is not None else f"…{self.part}…"


@dataclass(frozen=True, slots=True)
class Case:
    """One test.

    Attributes:
        name: Of it.
        place: File and line.
        connector: An id, or `Type.field`, `Type`, each with `[index]`.
        skip: Not to be run.
        variables: By name without the `$`.
        status, headers, body: The answer.
        request: What is to be sent; None for anything.
        response: What the answer is to map to; Ellipsis for anything.
        response_headers: Headers that the answer is to have.
        problems, errors: All that are to be told.
    """

    name: str
    place: str
    connector: str
    skip: bool
    variables: Mapping[str, Any]
    status: int
    headers: Mapping[str, str]
    body: bytes
    request: ExpectedRequest | None
    response: Any
    response_headers: Mapping[str, str]
    problems: tuple[ExpectedMessage, ...]
    errors: tuple[ExpectedMessage, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one file.

    Attributes:
        name: As it is configured, or the file's.
        file: Where it stands.
        schema: Of the connectors; None where the file names none.
        cases: In order.
    """

    name: str
    file: Path
    schema: Path | None
    cases: tuple[Case, ...]


@dataclass(slots=True)
class Outcome:
    """What came of one case.

    Attributes:
        case: It.
        failures: A line for each expectation that was not met; none for a pass.
    """

    case: Case
    failures: list[str] = field(default_factory=list)
