"""Signs of trouble in the numbers of learning: those that docs/training.md explains, each as a word."""

from __future__ import annotations

from collections.abc import Mapping

from puffer_train.algorithm.health import is_absurd

COLLAPSED_SHARE, EARLY = 0.02, 0.5
"""Entropy has collapsed if less than this share of its start is left before this share of the run."""

HIGH_KL = 0.1
HIGH_CLIP_FRACTION = 0.5

GRACE = 0.1
"""Share of a run after which the value function should predict something."""


class Signs:
    """Judges the reports of a run, one after the other."""

    def __init__(self) -> None:
        self._first_entropy = 0.0
        self._collapsed = False
        self.words: dict[str, str] = {}
        """What is wrong now: the name of a number and a word about it."""

    def update(self, report: Mapping[str, float], done: float) -> None:
        """Take the newest value of every number. done: share of the run, 0 to 1."""
        entropy = report.get("entropy")
        if entropy is not None:
            self._first_entropy = self._first_entropy or entropy
            # below 0 it is that of continuous actions, where 0 means nothing
            low = 0 <= entropy < COLLAPSED_SHARE * self._first_entropy
            self._collapsed = low and (self._collapsed or done < EARLY)
        found = {
            "entropy": ("collapsed", self._collapsed),
            "approx_kl": (
                "absurd" if is_absurd("approx_kl", report) else "high",
                report.get("approx_kl", 0.0) > HIGH_KL,
            ),
            "clip_fraction": ("high", report.get("clip_fraction", 0.0) > HIGH_CLIP_FRACTION),
            "explained_variance": ("below 0", done > GRACE and report.get("explained_variance", 0.0) < 0),
            "gradient_norm": ("absurd", is_absurd("gradient_norm", report)),
            "skipped": ("not finite", report.get("skipped", 0.0) > 0),
        }
        self.words = {name: word for name, (word, applies) in found.items() if applies}
