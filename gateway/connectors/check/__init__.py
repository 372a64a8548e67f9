"""Holds a schema's connectors against the rules before anything is bound. It sends nothing and changes nothing."""
