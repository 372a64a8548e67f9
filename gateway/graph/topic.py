"""The source stream of a subscription that is bound to a topic of the broker."""

from __future__ import annotations

import re
from typing import Any

from gateway.context import Context


class Topic:
    """The source of a subscription that listens to a topic.

    Args:
        template: `comments.{videoId}`.
        names: Parameter name to the argument's name in the schema.
    """

    def __init__(self, template: str, names: dict[str, str]) -> None:
        self._parts = re.split(r"\{(\w+)\}", template)
        self._names = names

    def unknown(self) -> list[str]:
        """The names in the template that are no argument's."""
        known = set(self._names.values())
        return [name for name in self._parts[1::2] if name not in known]

    def open(self, _root: Any, context: Context, **arguments: Any) -> Any:
        """The topic's events."""
        values = {self._names[name]: value for name, value in arguments.items()}
        parts = list(self._parts)
        parts[1::2] = [str(values.get(name)) for name in parts[1::2]]
        return context.pubsub.subscribe("".join(parts))
