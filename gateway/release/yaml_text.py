"""YAML as values are written in: plain data, or one line that says what is wrong with the text.

It takes what JSON can say and nothing else, since Helm turns values into JSON. What two readers of YAML understand
differently is refused, and no error repeats a value: a secret may stand in it. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

# All of helm/ together has less than 1,000. An alias counts as often as it is used.
MAX_NODES = 50_000
_PREFIX = "tag:yaml.org,2002:"
_PLAIN = frozenset(
    _PREFIX + name for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge")
)
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)$|[-+]?0x[0-9a-fA-F_]+$")


class NotYamlError(ValueError):
    """What is wrong with a text, and on which line; never what stands there."""


class _Values(yaml.SafeLoader):
    """The safe loader, to which a date is the text that it is."""


_Values.add_constructor(_PREFIX + "timestamp", lambda _, node: node.value)


def parse_yaml(text: str) -> Any:
    """The one document of a text, None of an empty one. Errors: NotYamlError."""
    documents = parse_documents(text)
    if len(documents) > 1:
        raise NotYamlError("more than one document")
    return documents[0] if documents else None


def parse_documents(text: str) -> list[Any]:
    """Every document of a text. Errors: NotYamlError."""
    if yaml.SafeLoader.NON_PRINTABLE.search(text):
        raise NotYamlError("a character that YAML does not allow")
    loader = _Values(text)
    try:
        return list(_documents(loader))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        problem = (exc.problem or "not YAML").partition("\n")[0]
        raise NotYamlError(where + re.sub(r"'[^']{2,}'", "…", problem)) from None
    except yaml.YAMLError:
        raise NotYamlError("not YAML") from None
    except RecursionError:
        raise NotYamlError("it is nested too deeply") from None
    except NotYamlError:
        raise
    except ValueError:
        raise NotYamlError("a number or date that is none") from None
    finally:
        loader.dispose()


def _documents(loader: _Values) -> Iterator[Any]:
    while loader.check_node():
        node = loader.get_node()
        if node is not None:
            _count(node, {}, set())
            yield loader.construct_document(node)


def _count(node: Node, known: dict[int, int], above: set[int]) -> int:
    """The nodes that a node stands for, aliases followed. Errors: NotYamlError for what is no plain data."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in above:
        raise NotYamlError(f"{_line(node)}: an alias stands within what it means")
    above.add(id(node))
    total = 1
    if node.tag not in _PLAIN and node.tag != _PREFIX + "timestamp":
        raise NotYamlError(f"{_line(node)}: {_shown(node.tag)} is nothing that JSON can say")
    if isinstance(node, ScalarNode):
        _check_scalar(node)
    elif isinstance(node, SequenceNode):
        total += sum(_count(item, known, above) for item in node.value)
    elif isinstance(node, MappingNode):
        _check_keys(node)
        total += sum(
            _count(key, known, above) + _count(item, known, above) for key, item in node.value
        )
    if total > MAX_NODES:
        raise NotYamlError(f"{_line(node)}: more than {MAX_NODES} values, aliases followed")
    above.discard(id(node))
    known[id(node)] = total
    return total


def _check_keys(node: MappingNode) -> None:
    """Each key a text, and once: two are how a merge that went wrong looks."""
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, ScalarNode) or key.tag not in (_PREFIX + "str", _PREFIX + "merge"):
            raise NotYamlError(f"{_line(key)}: a key is no text; quote it")
        if key.value in seen:
            raise NotYamlError(f"{_line(key)}: the key {key.value!r} stands there twice")
        seen.add(key.value)


def _check_scalar(node: ScalarNode) -> None:
    """What YAML 1.1 and YAML 1.2 read differently."""
    if node.tag == _PREFIX + "int" and not _DECIMAL.match(node.value):
        raise NotYamlError(
            f"{_line(node)}: a number with a leading zero or a colon; write it in decimal digits, or quote it"
        )
    if node.tag == _PREFIX + "bool" and node.value.lower() not in ("true", "false"):
        raise NotYamlError(
            f"{_line(node)}: yes, no, on and off are texts to some and truth values to others; "
            "write true or false, or quote it"
        )
    if node.tag == _PREFIX + "float" and (":" in node.value or not _is_finite(node.value)):
        raise NotYamlError(f"{_line(node)}: a number that JSON does not have")


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace("_", "")))
    except ValueError:
        return False


def _line(node: Node) -> str:
    return f"line {node.start_mark.line + 1}"


def _shown(tag: str) -> str:
    return "!!" + tag.removeprefix(_PREFIX) if tag.startswith(_PREFIX) else "its tag"
