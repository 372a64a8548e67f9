"""The mapping language of connectors: parse, interpret, compile.

The one room whose package re-exports: these two names are public.
"""

from gateway.connectors.mapping.apply import apply_mapping
from gateway.connectors.mapping.parse import parse_mapping

__all__ = ["apply_mapping", "parse_mapping"]
