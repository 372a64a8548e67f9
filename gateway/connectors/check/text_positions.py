"""Where a character of a schema string stands in its file: escapes and block indentation undone."""

from __future__ import annotations

import re

from graphql import StringValueNode

_LINE = re.compile(r"\r\n|\n|\r")


def place_in(node: StringValueNode, offset: int) -> tuple[str | None, int | None, int | None]:
    """File, line and column (1-based) of character `offset` of a string's value."""
    if node.loc is None:
        return None, None, None
    body = node.loc.source.body
    if node.block:
        at = node.loc.start + 3 + _block_offset(body[node.loc.start + 3 : node.loc.end - 3], offset)
    else:
        at = (
            node.loc.start + 1 + _quoted_offset(body[node.loc.start + 1 : node.loc.end - 1], offset)
        )
    before = body[:at]
    line_start = max(before.rfind("\n"), before.rfind("\r")) + 1
    return node.loc.source.name, len(_LINE.findall(before)) + 1, at - line_start + 1


def _quoted_offset(raw: str, offset: int) -> int:
    """Where the value's character begins in the text between the quotes."""
    at = 0
    for _ in range(offset):
        if at < len(raw) and raw[at] == "\\":
            escape = raw[at + 1 : at + 2]
            if escape == "u":
                at = raw.find("}", at) + 1 if raw[at + 2 : at + 3] == "{" else at + 6
            else:
                at += 2
        else:
            at += 1
    return at


def _block_offset(raw: str, offset: int) -> int:
    """Where the value's character begins in the text between the triple quotes."""
    lines: list[tuple[int, str]] = []
    at = 0
    for found in [*_LINE.finditer(raw), None]:
        end = found.start() if found else len(raw)
        lines.append((at, raw[at:end]))
        at = found.end() if found else end
    indents = [len(text) - len(text.lstrip(" \t")) for _, text in lines[1:] if text.strip(" \t")]
    common = min(indents, default=0)
    first = next((i for i, (_, text) in enumerate(lines) if text.strip(" \t")), 0)
    left = offset
    for index, (start, text) in enumerate(lines[first:], first):
        indent = common if index else 0
        length = max(len(text) - indent, 0)
        if left <= length:
            return start + indent + left
        left -= length + 1
    return len(raw)
