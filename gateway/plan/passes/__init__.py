"""The passes of the planner: each a function `Plan -> Plan`, one a file."""
