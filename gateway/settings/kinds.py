"""The kinds of values that settings have, each with its bounds: what a room annotates its fields with.

A bound stands here or at the field, once. The configuration is checked by it, its JSON Schema and its reference
are printed from it. Importing this costs nothing: pydantic is needed where a configuration is read only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from gateway.settings.headers import UNSETTABLE

YEAR_S = 365 * 24 * 3600
MOST = 2**31 - 1  # what a C int holds: backlogs, thresholds and timers take no more
MOST_BYTES = 2**40

_NUMBERS = frozenset(("int", "float"))
# Bounds that keep arithmetic whole; nobody has to be told of them before they are met.
_UNREMARKABLE = (None, MOST, MOST_BYTES, YEAR_S, YEAR_S * 1000)


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of a number. A boolean is none.

    Attributes:
        least: The smallest that may be.
        most: The largest that may be.
        above: What it has to be larger than, in place of `least`.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None

    def words(self) -> str:
        """The bounds as a person says them."""
        most = "" if self.most in _UNREMARKABLE else f"at most {_shown(self.most)}"
        if self.above is not None:
            low = f"more than {_shown(self.above)}"
        elif self.least is not None and most:
            return f"{_shown(self.least)} to {_shown(self.most)}"
        else:
            low = "" if self.least is None else f"at least {_shown(self.least)}"
        return ", ".join(part for part in (low, most) if part)

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """Lay the bounds on the schema of a number."""
        from pydantic_core import core_schema

        bounds = {"ge": self.least, "le": self.most, "gt": self.above}
        inner = handler(source)
        assert inner["type"] in _NUMBERS
        inner |= {name: bound for name, bound in bounds.items() if bound is not None}
        return core_schema.no_info_before_validator_function(_no_boolean, inner)


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number, not true or false")  # noqa: TRY004 - pydantic's
    return value


def _shown(number: float | None) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


@dataclass(frozen=True, slots=True)
class TextForm:
    """What a text looks like.

    Attributes:
        pattern: A regular expression that all of it matches; JSON Schema shows it.
        words: What it is, as a person says it; it follows "should be".
        problem: What the pattern cannot say: gives what is wrong, or None.
    """

    pattern: str
    words: str
    problem: Callable[[str], str | None] | None = None

    def check(self, value: str) -> str:
        """Errors: ValueError."""
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"should be {self.words}")
        if self.problem is not None and (found := self.problem(value)):
            raise ValueError(found)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """Check a text after it is known to be one."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Callable[[Any], Any]) -> Any:
        """Show the pattern."""
        return handler(schema) | {"pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class PathTo:
    """A text that names something in the file system; looked for by `settings.files`.

    Attributes:
        what: "file", "folder", "either", or "log": a file whose folder has to be there.
        is_relative_to_file: Whether a relative path starts from the configuration's folder; the process's
            folder else.
        words: Values that are no path.
    """

    what: Literal["file", "folder", "either", "log"]
    is_relative_to_file: bool = False
    words: tuple[str, ...] = ()


def port_problem(value: str) -> str | None:
    """What is wrong with a URL's port; what stands there may be a part of a password, and is not told."""
    try:
        _ = urlsplit(value).port
    except ValueError:
        return "should be a URL whose port is 0 to 65535"
    return None


def _sent_problem(value: str) -> str | None:
    if value.lower() not in UNSETTABLE:
        return None
    return "cannot be set: it is of the connection, or of the body as it is sent"


def _url_problem(value: str) -> str | None:
    if not value:
        return None
    if problem := port_problem(value):
        return problem
    parts = urlsplit(value)
    host = parts.hostname
    if parts.username is not None:
        return 'holds a user name or a password; they are a header: headers = {authorization = "Basic …"}'
    return None if host else "should be a URL with a host"


_URL = r"https?://[^\s#]+"
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 §5.6.2

Port = Annotated[int, Within(0, 65_535)]
Workers = Annotated[int, Within(1, 1_024)]
Threads = Annotated[int, Within(1, 4_096)]
Count = Annotated[int, Within(1, MOST)]
CountOrZero = Annotated[int, Within(0, MOST)]
Bytes = Annotated[int, Within(1, MOST_BYTES)]
BytesOrZero = Annotated[int, Within(0, MOST_BYTES)]
Seconds = Annotated[float, Within(above=0, most=YEAR_S)]
SecondsOrZero = Annotated[float, Within(0, YEAR_S)]
WholeSeconds = Annotated[int, Within(0, YEAR_S)]
MillisecondsOrZero = Annotated[float, Within(0, YEAR_S * 1000)]
WholeMillisecondsOrZero = Annotated[int, Within(0, MOST)]
Percent = Annotated[int, Within(1, 100)]
Share = Annotated[float, Within(0, 100)]
Ratio = Annotated[float, Within(0, 1)]
Growth = Annotated[float, Within(0, 1_000)]
PerSecond = Annotated[float, Within(0, 1_000_000)]
Parts = Annotated[int, Within(1, 1_000)]
Status = Annotated[int, Within(100, 599)]


def _network_problem(value: str) -> str | None:
    if value == "unix":
        return None
    try:
        ip_network(value, strict=False)
    except ValueError:
        return 'should be an IP address, a network like 10.0.0.0/8, or "unix"'
    return None


def _pattern_problem(value: str) -> str | None:
    try:
        re.compile(value)
    except re.error as exc:
        return f"is no regular expression: {exc}"
    return None


def _header_pattern_problem(value: str) -> str | None:
    literal = re.sub(r"\\.|\(\?P", "", value)
    if "(?i" not in value and re.search("[A-Z]", literal):
        return "fits no header: names are compared in small letters"
    return _pattern_problem(value)


def _origin_pattern_problem(value: str) -> str | None:
    if "/*" in value:
        return "is a regular expression, in which `*` only repeats: any name is `[a-z0-9-]+`"
    return _pattern_problem(value)


def _origin_problem(value: str) -> str | None:
    if value in ("*", "null"):
        return None
    host = value.partition("://")[2]
    if "*" in value:
        return "holds a `*`, and origins are compared letter by letter"
    if host != host.lower() or re.search(r"^http://.*:80$|^https://.*:443$", value):
        return "is none that browsers send: they write small letters, and leave :80 of http and :443 of https out"
    return None


Url = Annotated[
    str, TextForm(_URL, "a URL: http://host or https://host, with port and path", _url_problem)
]
UrlOrEmpty = Annotated[
    str, TextForm(f"(?:{_URL})?", 'a URL, http:// or https://, or ""', _url_problem)
]
RoutePath = Annotated[
    str, TextForm(r"/[^\s?#]*", 'a path that begins with "/", without "?" and "#"')
]
Host = Annotated[str, TextForm(r"[^\s/]+", "a host name or an IP address")]
HeaderName = Annotated[str, TextForm(_TOKEN, "the name of a header")]
HeaderNameOrEmpty = Annotated[str, TextForm(f"(?:{_TOKEN})?", 'the name of a header, or ""')]
SentHeaderName = Annotated[str, TextForm(_TOKEN, "the name of a header", _sent_problem)]
SentHeaderNameOrEmpty = Annotated[
    str, TextForm(f"(?:{_TOKEN})?", 'the name of a header, or ""', _sent_problem)
]
HeaderValue = Annotated[
    str,
    TextForm(
        r"[\x09\x20-\x7e\x80-\xff]*",
        "a header's value: one line of latin-1 without control characters",
    ),
]
TrustedProxy = Annotated[
    str,
    TextForm(r"\S+", 'an IP address, a network like 10.0.0.0/8, or "unix"', _network_problem),
]
Origin = Annotated[
    str,
    TextForm(
        r"[a-z][a-z0-9+.-]*://[^/\s]+|null|\*",
        "an origin, https://host[:port] without a path",
        _origin_problem,
    ),
]
OriginPattern = Annotated[
    str, TextForm(r"\S+", "a regular expression of origins", _origin_pattern_problem)
]
HeaderPattern = Annotated[
    str, TextForm(r"\S+", "a regular expression of names of headers", _header_pattern_problem)
]
Word = Annotated[str, TextForm(r"\S+", "one word")]
WordOrEmpty = Annotated[str, TextForm(r"\S*", 'one word, or ""')]
OperationName = Annotated[str, TextForm(r"[_A-Za-z][_0-9A-Za-z]*", "the name of an operation")]
VariableName = Annotated[
    str, TextForm(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")
]
SocketPath = Annotated[str, TextForm(r"\S(?:.*\S)?", "a path")]
CookieName = Annotated[str, TextForm(_TOKEN, "the name of a cookie")]

FileMode = Annotated[
    str, TextForm(r"0?[0-7]{3}", 'permissions as octal digits in quotes, like "0660"')
]
FileBeside = Annotated[str, PathTo("file", is_relative_to_file=True)]
FolderBeside = Annotated[str, PathTo("folder", is_relative_to_file=True)]
PathBeside = Annotated[str, PathTo("either", is_relative_to_file=True)]
NewFile = Annotated[str, PathTo("log")]
NewFileBeside = Annotated[str, PathTo("log", is_relative_to_file=True, words=("",))]
ErrorTarget = Annotated[str, PathTo("log", words=("stderr",))]
LogTarget = Annotated[str, PathTo("log", words=("stdout", "stderr", "off"))]
