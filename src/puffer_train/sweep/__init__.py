"""Search for settings: the whole front of score against cost."""
