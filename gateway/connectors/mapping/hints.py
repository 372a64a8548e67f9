"""What to write instead, for the mistakes that people make in mappings.

A hint is made from the text and the place where it stopped making sense; it never decides whether a
text is valid.
"""

from __future__ import annotations

import re
from typing import Final

_HINTS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r","), "members of a selection are separated by white space, without commas"),
    (
        re.compile(r"\.\.\."),
        "there is no spread before v0.4; write `path { members }` to merge its members",
    ),
    (re.compile(r"\.\d"), "there is no index after a dot; write `->get(0)`"),
    (re.compile(r"\.\."), "one dot stands between two keys"),
    (re.compile(r"\."), "a path cannot begin with a dot; write `$.key`"),
    (re.compile(r"->"), "a path cannot begin with a method; write `$->method`"),
    (re.compile(r"\["), "there is no `[0]`; write `->get(0)`, or `$([…])` for a literal list"),
    (re.compile(r"\(|\)"), "parentheses stand after a method's name or after `$`"),
    (re.compile(r"\*"), "there is no `*`; name each member"),
    (re.compile(r"\?\?|\?!"), "operators stand inside `$( )`: `name: $(a ?? b)`"),
    (re.compile(r"\?"), "`?` stands once, after a key or a method and before any braces"),
    (re.compile(r"-?\s*\d"), "a literal outside of an expression is written `$(1)`"),
    (re.compile(r":"), "one name stands before one path"),
    (re.compile(r"\}"), "this brace was not opened"),
    (re.compile(r"[|!&=<>+/]"), "comparisons and arithmetic are methods, such as `->eq(1)`"),
)


_BRACKETED: Final = re.compile(r"(?:\[\w*\])+(?=\s*:)")
_LAST_WORD: Final = re.compile(r"\w+$")


def hint_at(text: str, offset: int, spec: str) -> str | None:
    """Give the advice that fits the characters at an offset, or None."""
    rest = text[offset : offset + 64]
    before = text[max(0, offset - 64) : offset].rstrip()
    if before.endswith(".") and (rest[:1].isdigit() or rest[:1] == "["):
        return "there is no index after a dot; write `->get(0)`"
    if before.endswith(".") and rest.startswith(".."):
        return "there is no spread before v0.4; write `path { members }` to merge its members"
    if spec == "0.4" and rest.startswith("..."):
        return "`...` merges into a selection; name each member of an object literal"
    if spec in ("0.1", "0.2") and rest.startswith("?"):
        return "link connect v0.3, or leave it out: a missing member is no error"
    if (name := _BRACKETED.match(rest)) and (start := _LAST_WORD.search(before)):
        return f"a name with brackets is quoted: `'{start[0]}{name[0]}': …`"
    for pattern, hint in _HINTS:
        if pattern.match(rest):
            return hint
    return None
