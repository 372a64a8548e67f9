"""What may be set for views. Plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSettings:
    """`[views.NAME]`: a part of the schema, chosen by `@tag(name:)`. What is `@inaccessible` is in no view.

    A tag of a type counts for all that stands in it.

    Attributes:
        include_tags: Only fields with one of these tags are in the view. Empty: all are. Arguments, fields of
            input objects and enum values need no tag.
        exclude_tags: What has one of these tags is not in the view, whatever else it has; nor is what needs it: a
            field of an excluded type, an argument of one.
        hide_unreachable_types: Leave out types that no field of the view leads to.
    """

    include_tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    hide_unreachable_types: bool = True
