"""Translations both ways: `from_*` brings others' environments behind our contract, `to_*` brings ours to others."""
