"""A generated text to what it defines. A traceback shows its lines as long as its functions are alive."""

from __future__ import annotations

import builtins
import linecache
import weakref
from collections.abc import Mapping
from itertools import count
from typing import Any

_numbers = count(2)


class CompiledText:
    """A text that was compiled, in linecache as long as it lives.

    Args:
        source: The text.
        title: Of its file in tracebacks, without the brackets.
    """

    __slots__ = ("__weakref__", "code", "filename")

    def __init__(self, source: str, title: str) -> None:
        self.filename = f"<gateway {title}>"
        while self.filename in linecache.cache:
            self.filename = f"<gateway {title} {next(_numbers)}>"
        self.code = compile(source, self.filename, "exec", dont_inherit=True)
        lines = source.splitlines(keepends=True)
        linecache.cache[self.filename] = (len(source), None, lines, self.filename)
        weakref.finalize(self, linecache.cache.pop, self.filename, None).atexit = False


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

    Attributes:
        source: The text.
        filename: `<gateway TITLE>`, with a number where another living text has that name.
    """

    __slots__ = ("_compiled", "_scope", "filename", "source")

    def __init__(self, source: str, title: str, namespace: Mapping[str, Any]) -> None:
        self.source = source
        compiled = _compiled.get((title, source))
        if compiled is None:
            compiled = _compiled[title, source] = CompiledText(source, title)
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
