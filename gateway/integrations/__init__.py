"""Other libraries' interfaces over this engine."""
