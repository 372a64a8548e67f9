"""Documents that clients send by their id instead of their text: which text an id means, before anything is parsed."""
