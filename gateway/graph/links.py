"""Each `@link` of a schema: whether its specification is known, and has what is imported of it. It changes nothing.

A directive that the gateway knows goes by its plain name in any case, so a wrong `@link` is a warning. What other
people's specifications have is not known, and not looked at.

Source: the specification of `@link`, v1.0; Apollo Federation subgraph specification, "Federation directives".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from graphql import DocumentNode, ListValueNode, Node, ObjectValueNode, StringValueNode

from gateway.errors import Diagnostic
from gateway.graph.builtin import links_of
from gateway.graph.sdl import place_of
from gateway.settings.suggestions import suggest_or_list

FEDERATION: Final = (
    "@key", "@requires", "@provides", "@external", "@shareable", "@tag", "@inaccessible", "@override", "@extends",
    "@composeDirective", "@interfaceObject", "@authenticated", "@requiresScopes", "@policy", "@context", "@fromContext",
    "@cost", "@listSize", "@cacheTag", "FieldSet", "Scope", "Policy", "ContextFieldValue",
)  # fmt: skip
SPECIFICATIONS: Final[dict[str, tuple[str, ...]]] = {
    "federation": FEDERATION,
    "connect": ("@source", "@connect"),
    "tag": ("@tag",),
    "inaccessible": ("@inaccessible",),
    "authenticated": ("@authenticated",),
    "requiresScopes": ("@requiresScopes", "Scope"),
    "policy": ("@policy", "Policy"),
    "cost": ("@cost", "@listSize"),
    "cacheTag": ("@cacheTag",),
    "context": ("@context", "@fromContext", "ContextFieldValue"),
    "link": ("@link", "Import", "Purpose"),
    "source": (),
    "join": (),
    "core": (),
}
"""By name what a specification has; nothing where that is not looked at."""
MOST_FEDERATION: Final = (2, 12)
_HOST = "specs.apollo.dev"
_URL = re.compile(rf"https://{re.escape(_HOST)}/(\w+)/v(\d+)\.(\d+)/?", re.ASCII)
_TYPES_ARE_FREE = "connect"  # what its types are called differs by version


def check_links(document: DocumentNode) -> list[Diagnostic]:
    """A warning for each `@link` of nothing, and for each import that there is not."""
    return list(_findings(document))


def _findings(document: DocumentNode) -> Iterator[Diagnostic]:
    for link in links_of(document):
        arguments = {argument.name.value: argument.value for argument in link.arguments or ()}
        url = arguments.get("url")
        if not isinstance(url, StringValueNode):
            text = "the @link names no specification, and has no effect"
            yield _warning(link, "UnknownSpecification", text, 'give it one: url: "https://…"')
            continue
        if _HOST not in url.value:
            continue
        found = _URL.fullmatch(url.value)
        name = found[1] if found is not None else None
        if found is None or name not in SPECIFICATIONS:
            text = f"`{url.value}` is no specification that is known: the @link has no effect"
            hint = f"write https://{_HOST}/federation/v2.{MOST_FEDERATION[1]}"
            if name is not None:
                hint = suggest_or_list(name, SPECIFICATIONS)
            yield _warning(url, "UnknownSpecification", text, hint)
            continue
        version = int(found[2]), int(found[3])
        if name == "federation" and not (2, 0) <= version <= MOST_FEDERATION:
            text = f"federation's version v{version[0]}.{version[1]} is not known"
            hint = f"known: v2.0 to v2.{MOST_FEDERATION[1]}"
            yield _warning(url, "UnknownSpecification", text, hint)
        yield from _imports(name or "", arguments.get("import"))


def _imports(specification: str, imports: Any) -> Iterator[Diagnostic]:
    known = SPECIFICATIONS[specification]
    # One item stands for a list of it. §3.12
    items = imports.values if isinstance(imports, ListValueNode) else (imports,)
    for item in items if imports is not None and known else ():
        name = _name_of(item)
        if name is None:
            text = "an import is a name in quotes, or an object of `name` and `as`: this one has no effect"
            yield _warning(item, "UnknownImport", text, f'write "{known[0]}"')
        elif name not in known and (specification != _TYPES_ARE_FREE or name.startswith("@")):
            what = "directive" if name.startswith("@") else "type"
            text = f"`{name}` is no {what} of the specification `{specification}`"
            yield _warning(item, "UnknownImport", text, suggest_or_list(name, known))


def _name_of(item: Node) -> str | None:
    """The name that is imported; None for what says none."""
    if isinstance(item, ObjectValueNode):
        members = {member.name.value: member.value for member in item.fields}
        texts = [value for value in members.values() if isinstance(value, StringValueNode)]
        if members.keys() - {"name", "as"} or "name" not in members or len(texts) < len(members):
            return None
        return str(members["name"].value)  # type: ignore[attr-defined]
    return item.value if isinstance(item, StringValueNode) else None


def _warning(node: Node, code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(message, code, *place_of(node), hint, "warning")
