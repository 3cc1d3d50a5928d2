"""Scripted players, one module per environment.

PLAYERS maps a name to a function that takes an environment and returns its `act()`: the next action of every row.
"""
