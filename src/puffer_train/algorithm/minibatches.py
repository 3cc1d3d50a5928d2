"""Which sequences of a rollout make up each minibatch, and how several ranks' shares of one are weighed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.loss import Scale
from puffer_train.config import TrainSettings
from puffer_train.moments import moments
from puffer_train.system.ranks import Ranks


class Minibatches:
    """Chooses this rank's share of every minibatch: whole sequences, each with its importance."""

    def __init__(self, buffers: Buffers, train: TrainSettings, generator: torch.Generator, ranks: Ranks) -> None:
        self.buffers, self.train, self.generator, self.ranks = buffers, train, generator, ranks
        self.rows = buffers.ends.shape[1]

    def choose(self, progress: float) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the agents of each minibatch (B,) and the importance of their sequences (B,).

        As many minibatches as the replay ratio asks for, each agent equally often; or, with `priority_alpha`, drawn by
        how surprising their sequences were. progress: share of the run that is done, 0 to 1.
        """
        train, learning = self.train, self._learning()
        rows = self.rows if learning is None else len(learning)
        size = train.minibatch // train.horizon // self.ranks.count
        batch = train.horizon * (rows if learning is None else self.ranks.most(rows)) * self.ranks.count
        count = max(1, round(train.replay_ratio * batch / train.minibatch))
        if train.priority_alpha == 0:
            epochs = math.ceil(count * size / rows) + 1
            order = torch.cat([torch.randperm(rows, generator=self.generator) for _ in range(epochs)])
            order = order if learning is None else learning[order]
            for i in range(count):
                yield order[i * size : (i + 1) * size], torch.ones(size)
            return
        beta = train.priority_beta + (1 - train.priority_beta) * progress
        for _ in range(count):
            surprise = self.buffers.advantages.abs().sum(0)
            surprise = surprise if learning is None else surprise[learning]
            priority = (surprise / surprise.max().clamp_min(1e-30)).pow(train.priority_alpha) + 1e-12
            probability = priority / priority.sum()
            sequences = torch.multinomial(probability, size, replacement=True, generator=self.generator)
            importance = (rows * probability[sequences]).pow(-beta)
            yield sequences if learning is None else learning[sequences], importance

    def _learning(self) -> Tensor | None:
        """Return the rows that learned at some time in the rollout; None where all did."""
        buffers = self.buffers
        if buffers.learning is None or buffers.present is None:
            return None
        return torch.from_numpy(np.flatnonzero(buffers.present[:-1].numpy().any(axis=0)))

    def scaled(self, progress: float) -> Iterator[tuple[Tensor, Tensor, Scale | None]]:
        """Yield what `choose` does, and the minibatch's scale where other ranks have more of it."""
        if self.ranks.count == 1:
            for sequences, importance in self.choose(progress):
                yield sequences, importance, None
        elif self.train.refresh_advantages:
            for sequences, importance in self.choose(progress):
                yield sequences, importance, self._scales([sequences])[0]
        else:  # advantages stay as they are: the ranks need to meet only once
            chosen = list(self.choose(progress))
            scales = self._scales([sequences for sequences, _ in chosen])
            for (sequences, importance), scale in zip(chosen, scales, strict=True):
                yield sequences, importance, scale

    def _scales(self, minibatches: list[Tensor]) -> list[Scale]:
        """Return the scale of each minibatch, of which every rank knows its own sequences (B,)."""
        buffers, normalize = self.buffers, self.train.normalize_advantages
        mine = []
        for sequences in minibatches:
            advantages = buffers.advantages[:, sequences]
            mine.append(moments(advantages if buffers.present is None else advantages[buffers.present[:-1, sequences]]))
        return [Scale.of(of_all, normalize=normalize) for of_all in self.ranks.pool(torch.stack(mine))]


def explained_variance(buffers: Buffers, ranks: Ranks) -> float:
    """Return how much of the variance of returns the value function predicted: 1 all, 0 none, below 0 misleading."""
    advantages, values = buffers.advantages, buffers.values
    if buffers.present is not None:
        advantages, values = advantages[buffers.present[:-1]], values[buffers.present[:-1]]
    mine = torch.stack([moments(advantages), moments(advantages + values)])
    (count, _, surprise), (_, _, spread) = ranks.pool(mine).tolist()
    return 1 - surprise / spread if count > 1 and spread > 0 else math.nan
