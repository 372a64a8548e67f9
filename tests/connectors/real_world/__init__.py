"""Schemas as users bring them, answered from canned responses."""
