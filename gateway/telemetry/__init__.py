"""Traces, metrics, logs. Knows no GraphQL."""
