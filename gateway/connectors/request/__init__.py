"""From a connector's directives and one call's values to the bytes of its request. It sends nothing."""
