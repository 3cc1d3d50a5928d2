"""Acting on the GPU for environments on the processor: observations are uploaded, one graph runs, actions come back.

Every actor has its own stream, so that with two of them, each in its thread, one part's environments step while
the GPU works for the other, and copies overlap with arithmetic. An actor waits for nothing but its own actions.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_envs.contract import BufferEnv
from puffer_train.algorithm.buffers import Buffers
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
    """See `Actor`: acts for rows `first` to `last - 1`. It stores observations and rewards as `TorchActor` does."""

    def __init__(
        self,
        network: Network,
        host: Buffers,
        device_buffers: DeviceBuffers,
        env: BufferEnv,
        state: Tensor,
        bounds: tuple[int, int],
        ranks: Ranks = ALONE,
    ) -> None:
        """Prepare the graphs.

        state: that of all rows (L, A, S), on the processor; read at the start of a rollout, written at its end.
        """
        self.policy, self.buffers, self.env, self.ranks = network.policy, host, env, ranks
        self.first, self.last = bounds
        self.rows = slice(*bounds)
        self.network, self.device_buffers = network, device_buffers
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
            self.device_buffers.ratios[:, self.rows] = 1.0
            self._upload_state()
            if isinstance(self.policy.actions, CategoricalActions):
                self.key.fill_(int(torch.randint(KEYS, (1,), generator=generator)) + self.ranks.rank)
            else:
                self.noise.copy_(self._draw(generator))

    def act(self, t: int, greedy: bool = False) -> int:
        """See `Actor.act`: the actions are in the processor's buffers when this returns."""
        self.request(t, greedy)
        return self.receive(t)

    def request(self, t: int, greedy: bool = False) -> None:
        """Start choosing the actions of step t; returns immediately."""
        with self.beside():
            self._upload_observations(t)
            self.slot.fill_(t)
            self.graphs[greedy]()
            self.buffers.actions[t, self.rows].copy_(self.device_buffers.actions[t, self.rows], non_blocking=True)
            self.valid[t].copy_(self.device_buffers.valid[t, self.rows], non_blocking=True)
            if self.done is not None:
                self.done.record()

    def receive(self, t: int) -> int:
        """Wait for the actions of step t; return the first row with bad outputs, or -1."""
        if self.done is not None:
            self.done.synchronize()
        valid = self.valid[t].numpy()
        return -1 if valid.all() else int(np.argmin(valid))

    def value(self, observations: NDArray[Any], rows: NDArray[np.intp]) -> Tensor:
        """See `Actor.value`."""
        with self.beside():
            places = torch.from_numpy(rows).to(self.device)
            state = self.device_buffers.state[:, self.rows][:, places]
            output = self.network.step(torch.from_numpy(observations).to(self.device), state)
            return self.policy.values(output).cpu()

    def reset_state(self, t: int) -> None:
        """See `Actor.reset_state`."""
        ends = self.buffers.ends[t, self.rows]
        if ends.any():
            with self.beside():
                started = self.device_buffers.started[t + 1, self.rows]
                started.copy_(ends, non_blocking=True)
                self.device_buffers.state[:, self.rows].masked_fill_(started.unsqueeze(-1), 0.0)

    def finish(self) -> None:
        """See `Actor.finish`; the state comes back to the processor, values with `estimate_advantages`."""
        mine, gpu, end = self.rows, self.device_buffers, self.buffers.horizon
        with self.beside(), torch.no_grad():
            self._upload_observations(end)
            state = gpu.state[:, mine]
            # look ahead on a copy of the state: the next rollout starts with this observation
            last = self.network.step(gpu.observations[end, mine], state.clone())
            gpu.last_value[mine] = self.policy.values(last)
            for layer, numbers in enumerate(state):
                self.whole_state[layer, mine].copy_(numbers, non_blocking=True)
        if self.stream is not None:
            self.stream.synchronize()

    def _upload_state(self) -> None:
        """Start from the processor's state, which a reset or a restored checkpoint may have changed."""
        for layer, numbers in enumerate(self.whole_state):
            self.device_buffers.state[layer, self.rows].copy_(numbers[self.rows], non_blocking=True)
        self.device_buffers.first_state[:, self.rows] = self.device_buffers.state[:, self.rows]

    def _upload_observations(self, t: int) -> None:
        """Upload the observations before step t."""
        host, gpu = self.buffers, self.device_buffers
        pairs = [(host.observations[t], gpu.observations[t])]
        if host.masks is not None and gpu.masks is not None:
            pairs.append((host.masks[t], gpu.masks[t]))
        for source, target in pairs:
            target[self.rows].copy_(source[self.rows], non_blocking=True)

    @torch.no_grad()
    def _play(self, greedy: bool) -> None:
        """One time step, on the GPU alone."""
        gpu, first = self.device_buffers, self.first
        state = gpu.state[:, self.rows]
        output = self.network.step(self._now(gpu.observations), state)
        value = self.policy.values(output)
        if isinstance(self.policy.actions, CategoricalActions):
            masks = None if gpu.masks is None else self._now(gpu.masks)
            stored = (gpu.actions, gpu.log_probs, gpu.values, gpu.valid)
            operations.sample_categorical(
                self.layout, output, value, masks, self.key, self.slot, first, *stored, greedy
            )
        else:
            self._sample_normal(output, value, greedy)
        state.masked_fill_(~self._now(gpu.valid).unsqueeze(-1), 0.0)

    def _now(self, slots: Tensor) -> Tensor:
        """Return the current slot of (T, A, ...), this actor's rows of it: (B, ...)."""
        return slots[:, self.rows].index_select(0, self.slot).squeeze(0)

    def _sample_normal(self, output: Tensor, value: Tensor, greedy: bool) -> None:
        """Draw continuous actions from output (k + V, B), or take the means, and store what belongs to them."""
        gpu, policy = self.device_buffers, self.policy
        noise = None if greedy else self.noise.index_select(0, self.slot).squeeze(0)
        sound = torch.isfinite(output).all(0) & torch.isfinite(value)
        output = torch.where(sound, output, 0.0)
        actions = policy.sample_actions(output, noise)
        log_probs = policy.evaluate_actions(output, actions)[0]
        targets = (gpu.actions, gpu.log_probs, gpu.values, gpu.valid)
        for slots, now in zip(targets, (actions, log_probs, torch.where(sound, value, 0.0), sound), strict=True):
            slots[:, self.rows].index_copy_(0, self.slot, now.unsqueeze(0))
