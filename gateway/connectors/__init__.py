"""`@source` and `@connect`: from directives to calls and mappings."""
