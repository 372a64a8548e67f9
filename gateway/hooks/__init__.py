"""Functions of the user's on the way of a request: what they see of it, and how they run.

It knows no transport, pipeline or source: each of these runs the hooks of its own stage.
"""
