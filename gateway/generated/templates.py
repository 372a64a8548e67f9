"""Texts that many places have alike: each is compiled once, and every place hands it values of its own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from gateway.generated.functions import Generated


class Template:
    """A generated function that makes functions: what they hold is handed to it, so that equal texts are compiled once.

    Attributes:
        make: Takes a value for each parameter of the text.
        source: The text, `def make(PARAMETERS):` with all below it.
    """

    __slots__ = ("_generated", "make", "source")

    def __init__(self, source: str, make: Any, generated: Generated) -> None:
        self.source = source
        self.make = make
        self._generated = generated  # a traceback shows its lines as long as this lives


class Templates:
    """Templates by their text, the latest ones kept.

    Args:
        title: As for `Generated`.
        namespace: What every text may name.
        most: Characters of the texts that are kept.
    """

    def __init__(self, title: str, namespace: Mapping[str, Any], most: int) -> None:
        self._title = title
        self._namespace = namespace
        self._most = most
        self._known: OrderedDict[str, Template] = OrderedDict()
        self._length = 0
        self._lock = Lock()  # threads may plan at the same time

    def __len__(self) -> int:
        return len(self._known)

    def of(self, sources: Sequence[str]) -> dict[str, Template]:
        """The template of each text; those that are new are compiled together."""
        found: dict[str, Template] = {}
        new: list[str] = []
        with self._lock:
            for source in dict.fromkeys(sources):
                template = self._known.get(source)
                if template is None:
                    new.append(source)
                else:
                    self._known.move_to_end(source)
                    found[source] = template
            if new:
                found.update(self._compile(new))
        return found

    def _compile(self, sources: list[str]) -> dict[str, Template]:
        heads = [
            source.replace("def make(", f"def make_{number}(", 1)
            for number, source in enumerate(sources)
        ]
        generated = Generated("\n\n".join(heads), self._title, self._namespace)
        made = {}
        for number, source in enumerate(sources):
            made[source] = Template(source, generated.take(f"make_{number}"), generated)
            self._length += len(source)
        self._known.update(made)
        while self._length > self._most and self._known:
            source, _ = self._known.popitem(last=False)
            self._length -= len(source)
        return made
