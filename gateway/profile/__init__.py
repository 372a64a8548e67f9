"""One operation, asked again and again, and where its time went: what `gateway profile` shows."""
