"""Adapters both ways: `from_*` gives other environments the buffer contract, `to_*` gives ours another interface."""
