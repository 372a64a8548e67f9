"""Writes down what is answered: `python -m tests.cases FILE…` fills in the responses that a case lacks.

With `--again` it writes every response anew, for headers that are shown already. What it wrote is a proposal:
read it before it is committed.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from gateway.transport.server.protocols import HttpProtocol
from tests.cases.case import ABSENT, Message, read_case
from tests.cases.play import LEFT, play

REQUEST = re.compile(r"(^```http request\n.*?^```\n)", re.DOTALL | re.MULTILINE)
RESPONSE = re.compile(r"\n?^```http response\n.*?^```\n", re.DOTALL | re.MULTILINE)
WIDTH = 110


def laid_out(body: str) -> str:
    """JSON over lines where one would be too long; any other text as it is."""
    try:
        return _lines(json.loads(body), 0)
    except ValueError:
        return body


def _lines(value: Any, indent: int, taken: int = 0) -> str:
    """A value from the place `taken` of its line on; lines that it adds are indented."""
    flat = json.dumps(value, ensure_ascii=False)
    if indent + taken + len(flat) <= WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    inner = indent + 2
    if isinstance(value, dict):
        names = {name: json.dumps(name, ensure_ascii=False) + ": " for name in value}
        items = [text + _lines(value[name], inner, len(text)) for name, text in names.items()]
    else:
        items = [_lines(item, inner) for item in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    between = ",\n" + " " * inner
    return f"{first}\n{' ' * inner}{between.join(items)}\n{' ' * indent}{last}"


def written(message: Message, shown: Message | None) -> str:
    """A response as a block, with the headers that were shown."""
    headers = dict(message.headers)
    names = ["content-type"] if shown is None else [name for name, _ in shown.headers]
    lines = [f"{name}: {headers.get(name, ABSENT)}" for name in names]
    left = f"\n\n{LEFT}" if shown is not None and shown.body.endswith(LEFT) else ""
    body = ["", laid_out(message.body) + left] if message.body else []
    return "\n".join(["```http response", message.first, *lines, *body, "```", ""])


async def fill_in(path: Path, *, again: bool) -> None:
    """Write the responses of one case."""
    case = read_case(path)
    if all(len(shown) == len(sent) for sent, shown in case.exchanges) and not again:
        return
    with tempfile.TemporaryDirectory() as folder:
        responses, asked = await play(case, Path(folder), HttpProtocol)
    for one in asked:
        print(f"{path.name}: {one.line}")
    text = path.read_text(encoding="utf-8")
    parts = REQUEST.split(RESPONSE.sub("", text))
    done = parts[0]
    ends = [index for sent, _ in case.exchanges for index in [len(sent)]]
    taken = 0
    for size, (_, shown), answers in zip(ends, case.exchanges, responses, strict=True):
        chunk = parts[1 + 2 * taken : 1 + 2 * (taken + size)]
        blocks = [
            written(answer, shown[number] if number < len(shown) else None)
            for number, answer in enumerate(answers)
        ]
        done += "".join(chunk[:-1]) + "\n" + "\n".join(blocks) + chunk[-1]
        taken += size
    path.write_text(done, encoding="utf-8")


def main() -> None:
    """Fill in each file that is named."""
    names = [name for name in sys.argv[1:] if name != "--again"]
    for name in names:
        asyncio.run(fill_in(Path(name), again="--again" in sys.argv))


if __name__ == "__main__":
    main()
