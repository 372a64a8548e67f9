"""Answers of backends that are kept and given again, by the rules of HTTP caching (RFC 9111)."""
