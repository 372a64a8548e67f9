"""The resolvers."""

from gateway import resolver


@resolver("Query.hello", reads=())
def hello(parent, context, *, name):
    return f"Hello, {name}!"
