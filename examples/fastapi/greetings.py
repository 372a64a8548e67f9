"""The resolvers."""

from gateway import resolver


@resolver("Query.hello", vary=())
def hello(parent, context, *, name):
    return f"Hello, {name}!"
