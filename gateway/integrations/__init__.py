"""Compiled plans for servers that are built on graphql-core, Strawberry, Ariadne or Graphene.

`graphql_core` has graphql-core's own functions; the others switch them on in one line for one framework each.
Nothing here is imported by the gateway itself. See docs/integrations.md.
"""
