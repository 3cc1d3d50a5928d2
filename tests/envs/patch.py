"""States that play rarely reaches: members of a snapshot changed, then restored, which checks them."""

from __future__ import annotations

from typing import Any

import numpy as np

from puffer_envs import Environment
from puffer_envs.snapshot import pack_snapshot


def patch(env: Environment, index: int = 0, hidden: dict[int, bytes] | None = None, **members: Any) -> None:
    """Set members of one state: numbers, arrays, or {row: {part: number}} for some rows of a table.

    `hidden` are bytes of members that no field shows, by their place in the state.
    """
    table = env._states.reshape(env.num_envs, -1).copy()
    fields = {field.name: field for field in env.spec.fields}
    for name, value in members.items():
        field = fields[name]
        assert not field.in_block and not field.in_assets, name
        shape = field.shape[: field.ndim]
        view = table[index, field.offset :][: field.dtype.itemsize * int(np.prod(shape, dtype=int))].copy()
        rows = view.view(field.dtype)
        if isinstance(value, dict):
            for row, parts in value.items():
                for part, number in parts.items():
                    rows[part][row] = number
        else:
            rows[:] = np.asarray(value).reshape(-1) if shape else value
        table[index, field.offset :][: view.size] = view
    for at, data in (hidden or {}).items():
        table[index, at : at + len(data)] = np.frombuffer(data, np.uint8)
    env.restore(pack_snapshot(env.spec, env.settings, env.num_envs, table.reshape(-1)))
