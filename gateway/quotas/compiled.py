"""What each request does with the windows of its policy, as Python that is written for them: no loop, no look-up.

It admits what fits, and nothing else: what may not fit is decided by `windows.decide`, which says the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple, TypeAlias

from gateway.generated.functions import Generated
from gateway.generated.writer import SourceWriter
from gateway.quotas.windows import Window

BackAt: TypeAlias = OrderedDict[str, tuple[float, ...]]
"""When all of each window will have come back, by whose they are; who has asked last stands last."""

Take: TypeAlias = Callable[[BackAt, str, float, float], tuple[float, ...] | None]
Tell: TypeAlias = Callable[[Sequence[float], float], bytes]


class CompiledWindows(NamedTuple):
    """The functions of one policy.

    Attributes:
        take: Admits one request of a cost, where it fits: `take(back_at, key, cost, now)` gives when all of each
            window will have come back; None where the client is new, or where it is more than fits.
        tell: Says what is left, as the lines of an answer's head: `tell(back_at_s, now)`.
        source: Their text.
    """

    take: Take
    tell: Tell
    source: str


def compile_windows(windows: Sequence[Window], told: bytes, title: str) -> CompiledWindows:
    """Write and compile them.

    Args:
        windows: As they are counted.
        told: The lines, with two gaps for each window: what is left, and seconds.
        title: Of the policy, for tracebacks.
    """
    writer = SourceWriter()
    numbers = range(len(windows))
    unpacked = ", ".join(f"at_{n}" for n in numbers) + ","
    with writer.block("def take(back_at, key, cost, now):"):
        writer.line("known = back_at.get(key)")
        writer.line("if known is None: return None")
        writer.line(f"{unpacked} = known")
        for n, window in enumerate(windows):
            taken = f"cost * {window.each_s!r}" if window.is_cost else repr(window.each_s)
            writer.line(f"at_{n} = (at_{n} if at_{n} > now else now) + {taken}")
            writer.line(f"if at_{n} - now > {window.full_s!r}: return None")
        writer.line(f"moved = back_at[key] = ({unpacked})")
        writer.line("back_at.move_to_end(key)")
        writer.line("return moved")
    with writer.block("def tell(back_at_s, now):"):
        writer.line(f"{unpacked} = back_at_s")
        for n, window in enumerate(windows):
            writer.line(f"at_{n} -= now")
            most = window.most + 1e-6  # as `Window.left`
            writer.line(f"left_{n} = int({most!r} - at_{n} * {window.per_s!r})")
            writer.line(f"if left_{n} < 0: left_{n} = 0")
        figures = ", ".join(f"left_{n}, ceil(at_{n})" for n in numbers)
        writer.line(f"return {writer.name('told', told)} % ({figures})")
    writer.name("ceil", ceil)
    made = Generated(writer.text(), f"quota {title}", writer.namespace)
    return CompiledWindows(made["take"], made["tell"], made.source)
