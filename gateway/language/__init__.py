"""Text to document: parse, normalise, limits, validate."""
