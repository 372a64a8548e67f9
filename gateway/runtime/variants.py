"""The code of one operation for each set of values of the variables that `@skip` and `@include` read.

Each is compiled when it is first needed, and admitted and charged like a new document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, Protocol, TypeVar
from weakref import ref

from gateway.context import Context
from gateway.plan.collect import CannotCompileError

# An operation with more variants in use than this loses its oldest.
MAX_VARIANTS = 16


class Growing(Protocol):
    """Admits and charges a client, while something is made; who is admitted already is charged alone."""

    def __call__(
        self, client_key: str | None, /, *, is_admitted: bool = False
    ) -> AbstractContextManager[None]:
        """Around the making. Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT) for who is not admitted."""
        ...


Asker = Context | str | None
"""For whom something is made: a request, by its context, or the key of a client; None is for the gateway itself."""


def client_key(asker: Asker) -> str | None:
    """Who is charged for what is made; None: nobody."""
    if isinstance(asker, Context):
        return asker.client.client_key
    return asker if isinstance(asker, str) else None


def unbounded(
    _client_key: str | None, *, is_admitted: bool = False
) -> AbstractContextManager[None]:
    """Every client is admitted, and none charged."""
    del is_admitted
    return nullcontext()


Grown = TypeVar("Grown")


def weakly(growing: Callable[..., AbstractContextManager[None]] | None, owner: Grown) -> Growing:
    """`growing` for its owner, which what is made does not keep alive."""
    if growing is None:
        return unbounded
    known = ref(owner)

    def grow(client_key: str | None, *, is_admitted: bool = False) -> AbstractContextManager[None]:
        found = known()
        if found is None:
            return nullcontext()
        return growing(found, client_key, is_admitted=is_admitted)

    return grow


class Made(Protocol):
    """What is made for one set of values.

    Attributes:
        is_current: Whether the schema still has the functions that it was bound to.
    """

    @property
    def is_current(self) -> Callable[[], bool]: ...


M = TypeVar("M", bound=Made)


class Variants(Generic[M]):
    """What was made, by the values of the shaping variables.

    Args:
        make: Makes one, for these values. Errors: CannotCompileError.
        growing: Admits and charges the client for whom one is made.
    """

    def __init__(self, make: Callable[[Mapping[str, bool | None]], M], growing: Growing) -> None:
        self._make = make
        self._growing = growing
        self._found: dict[tuple[bool | None, ...], M | CannotCompileError] = {}

    def lookup(self, names: Sequence[str], coerced: Mapping[str, Any], asker: Asker) -> M:
        """What belongs to these variables.

        Errors: CannotCompileError; ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        key = tuple([_flag(coerced.get(name)) for name in names]) if names else ()
        found = self._found.get(key)
        if isinstance(found, CannotCompileError):
            raise CannotCompileError(*found.args)
        if found is None or not found.is_current():
            with self._growing(client_key(asker)):
                found = self._keep(key, dict(zip(names, key, strict=True)))
        return found

    def _keep(self, key: tuple[bool | None, ...], shaping: Mapping[str, bool | None]) -> M:
        made: M | CannotCompileError
        try:
            made = self._make(shaping)
        except CannotCompileError as error:
            made = error.with_traceback(None)
        except RecursionError:
            made = CannotCompileError("nested too deeply")
        if len(self._found) >= MAX_VARIANTS:
            del self._found[next(iter(self._found))]
        self._found[key] = made
        if isinstance(made, CannotCompileError):
            raise CannotCompileError(*made.args)
        return made

    def make_first(self) -> None:
        """Make what depends on no variable, for nobody in particular. Errors: CannotCompileError."""
        self._keep((), {})

    def all(self) -> list[M]:
        """Those that could be made, the last one last."""
        return [made for made in self._found.values() if not isinstance(made, CannotCompileError)]


def _flag(value: Any) -> bool | None:
    """None for what is no boolean, as in a document that is not valid."""
    return value if value is True or value is False else None
