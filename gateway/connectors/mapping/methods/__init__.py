"""The methods of the mapping language, one file a group; `table` has them by name."""
