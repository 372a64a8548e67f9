"""Tests of connectors by themselves, in the YAML of Apollo's Connectors Testing Framework.

A case has variables and an answer; it says which request is sent and what the answer maps to. Nothing is sent.

Source: Apollo's documentation, "Connectors Testing Framework" (Rover 0.36 and later).
"""
