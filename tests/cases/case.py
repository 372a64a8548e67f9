"""A case as it is written: one Markdown file, one behavior, with everything that it takes to see it.

What the blocks of a file are is told in `README.md` of this folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
BLOCK = re.compile(r"^```(\w+)(?:[ ,]+([^\n]*))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HEADER = re.compile(r"([A-Za-z][\w-]*): (.*)")
CALL = re.compile(r"^(?=(?:GET|HEAD|POST|PUT|PATCH|DELETE) /)", re.MULTILINE)
ABSENT = "(absent)"
KINDS = ("request", "response", "calls", "calls, in order")


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer.

    Attributes:
        first: `POST /graphql`, or `200`.
        headers: As they stand; names in lower case.
    """

    first: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def line(self) -> str:
        """First line and body in one."""
        return f"{self.first} {self.body}".rstrip()


@dataclass(frozen=True, slots=True)
class Call:
    """One call that the backend gets, and what it answers."""

    request: Message
    answer: Message


@dataclass(slots=True)
class Case:
    """One file.

    Attributes:
        schema: SDL; `http://backend.example` in it is the backend's address.
        resolvers: Python; "" for none.
        settings: More of `gateway.toml`.
        files: Other files of the project, by path.
        calls: Every call that the backend gets.
        is_ordered: The order of the calls is part of the behavior.
        exchanges: Requests, those of one item sent together, each with its response.
    """

    path: Path
    title: str
    schema: str = ""
    resolvers: str = ""
    settings: str = ""
    files: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    is_ordered: bool = False
    exchanges: list[tuple[list[Message], list[Message]]] = field(default_factory=list)


def read_case(path: Path) -> Case:
    """The case of a file. Errors: ValueError for a block that no case has."""
    text = path.read_text(encoding="utf-8")
    first = text.partition("\n")[0]
    if not first.startswith("# "):
        raise ValueError(f"{path.name}: the first line is the behavior, `# …`")
    case = Case(path, first[2:])
    for language, info, content in BLOCK.findall(text):
        _add_block(case, language, info.strip(), content)
    return case


def _add_block(case: Case, language: str, info: str, content: str) -> None:
    if info.startswith("file="):
        case.files[info.removeprefix("file=")] = content
    elif (language, info) == ("graphql", ""):
        case.schema += content
    elif (language, info) == ("python", ""):
        case.resolvers += content
    elif (language, info) == ("toml", ""):
        case.settings += content
    elif language == "http" and info in KINDS:
        _add_http(case, info, content)
    else:
        raise ValueError(f"{case.path.name}: no case has a block `{language} {info}`")


def _add_http(case: Case, info: str, content: str) -> None:
    if info == "request":
        if not case.exchanges or case.exchanges[-1][1]:
            case.exchanges.append(([], []))
        case.exchanges[-1][0].append(read_message(content))
    elif info == "response":
        case.exchanges[-1][1].append(read_message(content))
    else:
        case.is_ordered = info != "calls"
        for one in CALL.split(content):
            if one.strip():
                request, _, answer = one.partition("\n→ ")
                case.calls.append(Call(read_message(request), read_message(answer)))


def read_message(text: str) -> Message:
    """A first line, headers until one is not, an empty line where there is one, and the body."""
    first, *lines = text.rstrip("\n").split("\n")
    headers = []
    while lines and (found := HEADER.fullmatch(lines[0])):
        headers.append((found[1].lower(), found[2]))
        lines.pop(0)
    if lines and not lines[0]:
        lines.pop(0)
    return Message(first.strip(), tuple(headers), "\n".join(lines))
