"""A counter of visits."""

from gateway import on_startup, resolver


@on_startup
def start(state):
    return {"visits": 0}


@resolver("Query.visits", vary=())
def visits(parent, context):
    return context.state["visits"]


@resolver("Mutation.visit")
def visit(parent, context):
    context.state["visits"] += 1
    return context.state["visits"]
