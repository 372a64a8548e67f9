"""Text to document: parse, normalize, limits, validate."""
