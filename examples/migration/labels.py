"""What decides labels that are more than a share."""

from gateway import Context, override_label


@override_label("films")
def films(context: Context) -> bool:
    """Old apps show a film's length in minutes; the service gives seconds."""
    major, _, _ = (context.client_version or "").partition(".")
    return major.isdecimal() and int(major) >= 3
