"""Flags by OpenFeature: what decides them, and what they are for a client. It knows no GraphQL."""
