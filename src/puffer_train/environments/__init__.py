"""Finding environments by name, and making them."""
