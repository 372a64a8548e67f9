"""Each fuzzing target on its seeds and some thousands of their mutations; longer runs are `make fuzz-guided`'s."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.targets import TARGETS

PIECES = (
    b"", b"\x00", b"\xff", b"\xed\xa0\x80", b'"', b"\\", b"{", b"}", b"[", b"]", b":", b",", b";", b"=", b"-", b"--x", b"\r\n",
    b"\n", b"!\n", b"q=", b"0", b"9999999999999999999", b"1e999", b"null", b"true", b"%", b"&", b"*/*", b".", b"$", b"@", b"#",
)  # fmt: skip


def mutate(data: bytes, rng: Random) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((0, 0, 1, 1, 4, 20)))
        data = data[:at] + rng.choice(PIECES) + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_it(name: str) -> None:
    target, rng = TARGETS[name], Random(name)
    for seed in target.seeds:
        target.run(seed)
        for _ in range(500):
            target.run(mutate(seed, rng))
