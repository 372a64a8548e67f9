"""One entry of a directive's `headers`: copied from the client, or written from a template.

It must not look at the rules of `[headers]`: those are applied below what is written here.

Source: connectors.md §10.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.connectors.directives import Header
from gateway.connectors.request.url import (
    CannotWriteError,
    Expression,
    Variables,
    Writer,
    compile_header_value,
    parse_template,
)
from gateway.upstream.transport import Header as HeaderPair


class HeaderWriter:
    """One entry.

    Attributes:
        from_: The client's header that it copies; None where it has a value.
        is_constant: Nothing of a call is in its value.
    """

    def __init__(self, header: Header, spec: str, name: str) -> None:
        self.name = header.name
        self.from_ = header.from_.lower() if header.from_ else None
        self._value: Writer | None = None
        self.is_constant = False
        if header.value is not None:
            parts = parse_template(header.value.value, spec)
            self.is_constant = not any(isinstance(part, Expression) for part in parts)
            self._value = compile_header_value(header.value.value, spec, name)

    @classmethod
    def constant(cls, name: str, value: str) -> HeaderWriter:
        """One that no directive has asked for."""
        writer = cls.__new__(cls)
        writer.name, writer.from_ = name, None
        writer._value = lambda _: value
        writer.is_constant = True
        return writer

    def write(
        self, variables: Variables, client_headers: Mapping[str, Sequence[str]]
    ) -> Iterable[HeaderPair]:
        """The header, once for each value of the client's; nothing where it has none."""
        if self.from_ is not None:
            return [(self.name, value) for value in client_headers.get(self.from_, ())]
        assert self._value is not None, "a checked header has `from` or `value`"
        try:
            value = self._value(variables)
        except CannotWriteError:
            return ()  # §10.3: the header drops out, the request is made
        return [(self.name, value)] if value else ()
