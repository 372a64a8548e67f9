"""What a label of `@override` is: `percent(20)`, `flag:NAME`, or a name that `[override.labels]` decides.

Pure: it reads text.

Source: Apollo Federation, "Incremental migration with progressive @override": the grammar of labels.
"""

from __future__ import annotations

import re

from gateway.flags.names import flag_of_label

ALL = 10_000
"""Every client: shares are counted in hundredths of a percent."""
EVERY_LABEL = "*"
"""In the switches: whatever label there is."""
PERCENT = "percent"
"""What all `percent(x)` are hashed by: a client that has `percent(20)` has `percent(40)` too."""
_LABEL = re.compile(r"[a-zA-Z][a-zA-Z0-9_\-:./]*", re.ASCII)
_SHARE = re.compile(r"percent\((.*)\)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?", re.ASCII)


def share_of(text: str) -> int | None:
    """The share that `percent(12.5)` says, 0 to 10,000; None for a text that is no `percent(…)`.

    Errors: ValueError for a share that is none.
    """
    found = _SHARE.fullmatch(text)
    if found is None:
        return None
    share = round(float(found[1]) * 100) if _NUMBER.fullmatch(found[1]) else ALL + 1
    if share > ALL:
        raise ValueError(f"`{text}`: a share is 0 to 100, with two decimals at most")
    return share


def check_label(text: str) -> None:
    """Errors: ValueError for what cannot be the label of an `@override`."""
    flag_of_label(text)
    if share_of(text) is None and not _LABEL.fullmatch(text):
        raise ValueError(
            f"`{text}` is no label: percent(20), or a letter and then letters, digits, _ - : . /"
        )
