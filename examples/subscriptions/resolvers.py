"""The chat's resolvers."""

from gateway import ClientError, resolver, subscription

ROOMS = ("lobby", "kitchen")


@resolver("Query.rooms", vary=())
def rooms(parent, context):
    return ROOMS


@resolver("Mutation.say")
async def say(parent, context, *, room, who, text):
    if room not in ROOMS:
        raise ClientError(f"There is no room {room!r}.", code="NO_SUCH_ROOM")
    message = {"who": who, "text": text}
    await context.pubsub.publish(f"rooms.{room}", message)
    return message


@subscription("Subscription.said", topic="rooms.{room}", vary=())
def said(message, context, *, room):
    """The field's value for an event; what was published is JSON."""
    return message


@subscription("Subscription.countdown", vary=())
async def countdown(root, context, *, from_):
    for number in range(from_, 0, -1):
        yield number
