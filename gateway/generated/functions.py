"""A generated text to what it defines. A traceback shows its lines as long as its functions are alive."""

from __future__ import annotations

import builtins
import linecache
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import count
from types import CodeType
from typing import Any

_numbers = count(2)


MOST_REMEMBERED = 4_000
"""Characters of a text whose code is remembered for others that have the same."""


class CompiledText:
    """A text that was compiled, in linecache as long as it lives.

    Args:
        source: The text.
        title: Of its file in tracebacks, without the brackets.
        shown: The same text for readers, line by line.
    """

    __slots__ = ("__weakref__", "code", "filename")

    def __init__(self, source: str, title: str, shown: str) -> None:
        self.filename = f"<gateway {title}>"
        while self.filename in linecache.cache:
            self.filename = f"<gateway {title} {next(_numbers)}>"
        if len(source) <= MOST_REMEMBERED:
            self.code = _renamed(_code_of(source), self.filename)
        else:
            self.code = compile(source, self.filename, "exec", dont_inherit=True)
        lines = shown.splitlines(keepends=True)
        linecache.cache[self.filename] = (len(shown), None, lines, self.filename)

    def __del__(self, forget: Callable[..., Any] = linecache.cache.pop) -> None:
        forget(self.filename, None)


@lru_cache(maxsize=512)
def _code_of(source: str) -> CodeType:
    return compile(source, "<gateway>", "exec", dont_inherit=True)


def _renamed(code: CodeType, filename: str) -> CodeType:
    """The same code, of a file of its own."""
    constants = tuple(
        [_renamed(one, filename) if type(one) is CodeType else one for one in code.co_consts]
    )
    return code.replace(co_filename=filename, co_consts=constants)


_compiled: weakref.WeakValueDictionary[tuple[str, str], CompiledText] = (
    weakref.WeakValueDictionary()
)
"""By title and text: a plan that another schema has alike, while both are held, is compiled once."""


class Generated:
    """What one generated text defines.

    Args:
        source: The text; it holds only identifiers that were made for it, and quoted strings.
        title: Of its file in tracebacks, without the brackets.
        namespace: What its names mean.
        shown: The same text for readers, line by line; the text itself where it is not given.

    Attributes:
        source: The text for readers.
        filename: `<gateway TITLE>`, with a number where another living text has that name.
    """

    __slots__ = ("_compiled", "_scope", "filename", "source")

    def __init__(
        self, source: str, title: str, namespace: Mapping[str, Any], shown: str | None = None
    ) -> None:
        self.source = shown = shown or source
        compiled = _compiled.get((title, shown))
        if compiled is None:
            compiled = _compiled[title, shown] = CompiledText(source, title, shown)
        self._compiled = compiled
        self.filename = compiled.filename
        self._scope: dict[str, Any] = {
            **namespace,
            "__name__": "gateway.generated",
            "__builtins__": builtins,
        }
        exec(compiled.code, self._scope)  # noqa: S102 - our own text

    def take(self, name: str) -> Any:
        """What the text defines under a name, which knows it no longer: the two do not keep each other alive."""
        return self._scope.pop(name)

    def __getitem__(self, name: str) -> Any:
        """What the text defines under a name."""
        return self._scope[name]

    def values(self) -> Iterable[Any]:
        """What its names mean."""
        return self._scope.values()
