"""Labels of `@override`: which of them are on for a client, and what decides them."""
