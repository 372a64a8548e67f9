"""The composition root: configuration, services, and the ASGI application made of them.

Nothing below constructs them.
"""
