"""Acting on the GPU for environments on the processor: observations go up, one graph runs, actions come down.

Every actor has a stream of its own, so that with two of them, each in its thread, one part's environments are stepped
while the GPU is busy with the other's, and copies run beside arithmetic. Nobody waits but an actor for its own actions.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_train.algorithm.buffers import Buffers
from puffer_train.contract import Environment
from puffer_train.learners.cuda import operations
from puffer_train.learners.cuda.buffers import DeviceBuffers
from puffer_train.learners.cuda.graphs import Graph
from puffer_train.learners.cuda.network import Network
from puffer_train.learners.torch import TorchActor
from puffer_train.policy import CategoricalActions
from puffer_train.system.ranks import ALONE, Ranks

KEYS = 1 << 62
"""Keys of random numbers are less than this."""


class CudaActor(TorchActor):
    """See `Actor`: acts for rows `first` to `last - 1`. What the environments show is taken in as `TorchActor` does."""

    def __init__(
        self,
        network: Network,
        host: Buffers,
        device_buffers: DeviceBuffers,
        env: Environment,
        state: Tensor,
        bounds: tuple[int, int],
        ranks: Ranks = ALONE,
    ) -> None:
        """state (L, A, S) of all rows, on the processor: read at the start of a rollout, written at its end."""
        self.policy, self.buffers, self.env, self.ranks = network.policy, host, env, ranks
        self.first, self.last = bounds
        self.rows = slice(*bounds)
        self.network, self.there = network, device_buffers
        self.whole_state = state
        rows, device = self.last - self.first, device_buffers.state.device
        self.device = device
        self.slot = torch.zeros(1, dtype=torch.int64, device=device)
        """(1,): the time step that the graph plays."""
        self.key = torch.zeros(1, dtype=torch.int64, device=device)
        """(1,): of the random numbers of this rollout."""
        self.noise = torch.zeros(0)
        if not isinstance(self.policy.actions, CategoricalActions):
            self.noise = torch.zeros(host.horizon, self.policy.spec.action.dimensions, rows, device=device)
        self.layout = operations.CategoricalLayout(self.policy.spec.action, device)
        changed = [device_buffers.state[:, self.rows]]
        self.graphs = [Graph(partial(self._play, greedy), device, changed) for greedy in (False, True)]
        cuda = device.type == "cuda"
        self.valid = torch.ones((host.horizon, rows), dtype=torch.bool, pin_memory=cuda)
        self.stream = torch.cuda.Stream(device) if cuda else None  # type: ignore[no-untyped-call]
        self.done = torch.cuda.Event() if cuda else None  # type: ignore[no-untyped-call]

    def beside(self) -> AbstractContextManager[Any]:
        """Put what happens inside on this actor's stream."""
        return nullcontext() if self.stream is None else torch.cuda.stream(self.stream)

    def begin(self, generator: torch.Generator) -> None:
        """See `Actor.begin`."""
        if self.stream is not None:
            self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with self.beside():
            self.there.ratios[:, self.rows] = 1.0
            self._bring_state()
            if isinstance(self.policy.actions, CategoricalActions):
                self.key.fill_(int(torch.randint(KEYS, (1,), generator=generator)) + self.ranks.rank)
            else:
                self.noise.copy_(self._draw(generator))

    def act(self, t: int, greedy: bool = False) -> int:
        """See `Actor.act`: the actions are in the processor's buffers when this returns."""
        self.ask(t, greedy)
        return self.answer(t)

    def ask(self, t: int, greedy: bool = False) -> None:
        """Have the actions of step t chosen; returns at once."""
        with self.beside():
            self._bring_observations(t)
            self.slot.fill_(t)
            self.graphs[greedy]()
            self.buffers.actions[t, self.rows].copy_(self.there.actions[t, self.rows], non_blocking=True)
            self.valid[t].copy_(self.there.valid[t, self.rows], non_blocking=True)
            if self.done is not None:
                self.done.record()

    def answer(self, t: int) -> int:
        """Wait for the actions of step t; return the first row with bad outputs, or -1."""
        if self.done is not None:
            self.done.synchronize()
        valid = self.valid[t].numpy()
        return -1 if valid.all() else int(np.argmin(valid))

    def value(self, observations: NDArray[Any], rows: NDArray[np.intp]) -> Tensor:
        """See `Actor.value`."""
        with self.beside():
            places = torch.from_numpy(rows).to(self.device)
            state = self.there.state[:, self.rows][:, places]
            output = self.network.step(torch.from_numpy(observations).to(self.device), state)
            return self.policy.values(output).cpu()

    def wipe(self, t: int) -> None:
        """See `Actor.wipe`."""
        ends = self.buffers.ends[t, self.rows]
        if ends.any():
            with self.beside():
                started = self.there.started[t + 1, self.rows]
                started.copy_(ends, non_blocking=True)
                self.there.state[:, self.rows].masked_fill_(started.unsqueeze(-1), 0.0)

    def finish(self) -> None:
        """See `Actor.finish`; the state comes back to the processor, values with `estimate_advantages`."""
        mine, there, end = self.rows, self.there, self.buffers.horizon
        with self.beside(), torch.no_grad():
            self._bring_observations(end)
            state = there.state[:, mine]
            # look ahead on a copy of the state: the next rollout starts with this observation
            last = self.network.step(there.observations[end, mine], state.clone())
            there.last_value[mine] = self.policy.values(last)
            for layer, numbers in enumerate(state):
                self.whole_state[layer, mine].copy_(numbers, non_blocking=True)
        if self.stream is not None:
            self.stream.synchronize()

    def _bring_state(self) -> None:
        """Start where the processor's state is: after a reset or a restored checkpoint it is another."""
        for layer, numbers in enumerate(self.whole_state):
            self.there.state[layer, self.rows].copy_(numbers[self.rows], non_blocking=True)
        self.there.first_state[:, self.rows] = self.there.state[:, self.rows]

    def _bring_observations(self, t: int) -> None:
        """Send what is seen before step t."""
        here, there = self.buffers, self.there
        pairs = [(here.observations[t], there.observations[t])]
        if here.masks is not None and there.masks is not None:
            pairs.append((here.masks[t], there.masks[t]))
        for source, target in pairs:
            target[self.rows].copy_(source[self.rows], non_blocking=True)

    @torch.no_grad()
    def _play(self, greedy: bool) -> None:
        """One time step, on the GPU alone."""
        there, first = self.there, self.first
        state = there.state[:, self.rows]
        output = self.network.step(self._now(there.observations), state)
        value = self.policy.values(output)
        if isinstance(self.policy.actions, CategoricalActions):
            masks = None if there.masks is None else self._now(there.masks)
            stored = (there.actions, there.log_probs, there.values, there.valid)
            operations.sample_categorical(
                self.layout, output, value, masks, self.key, self.slot, first, *stored, greedy
            )
        else:
            self._sample_normal(output, value, greedy)
        state.masked_fill_(~self._now(there.valid).unsqueeze(-1), 0.0)

    def _now(self, slots: Tensor) -> Tensor:
        """Return the present slot of (T, A, ...), this actor's rows of it: (B, ...)."""
        return slots[:, self.rows].index_select(0, self.slot).squeeze(0)

    def _sample_normal(self, output: Tensor, value: Tensor, greedy: bool) -> None:
        """Draw continuous actions from output (k + V, B), or take the means, and store what belongs to them."""
        there, policy = self.there, self.policy
        noise = None if greedy else self.noise.index_select(0, self.slot).squeeze(0)
        sound = torch.isfinite(output).all(0) & torch.isfinite(value)
        output = torch.where(sound, output, 0.0)
        actions = policy.actions.sample(output, noise, None, policy)
        log_probs = policy.actions.evaluate(output, actions, None, policy)[0]
        targets = (there.actions, there.log_probs, there.values, there.valid)
        for slots, now in zip(targets, (actions, log_probs, torch.where(sound, value, 0.0), sound), strict=True):
            slots[:, self.rows].index_copy_(0, self.slot, now.unsqueeze(0))
