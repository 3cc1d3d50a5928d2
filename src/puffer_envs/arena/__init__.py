"""Players against each other: matches between policies, scripts and chance, and leagues that anybody can check.

- `sides`: which rows of an environment belong to which side.
- `players`: who plays, from a word on the command line; `actors`: how they choose actions.
- `referee`: who moves where in a batch of games, and who won; `match`: games in pairs, with the sides swapped.
- `ratings`: Bradley-Terry ratings with intervals. `summary`: them and the payoffs, for people and as JSON.
- `league`, `ledger`, `verify`: a folder of policies and matches, each with its replays.
- `page`: a league as one HTML page. `cli_match`, `cli_league`, `progress`: the commands.

A match is a function of its players' files, the settings and a seed. Its replays hold every move, so a result is
checked by playing it again.
"""
