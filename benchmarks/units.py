"""How near the kernels come to the machine's peak, by network: `python benchmarks/units.py [NAME ...]`, two minutes.

One thread; a minibatch of 8,192 samples (horizon 32) of an environment with the sizes of Breakout, and 1,024 agents
that act. *peak*: floating-point operations of the matrix products alone, 2 per weight and sample forward, 4 more
backward (2 for the encoder), as a share of what multiply-adds in registers reach. Networks take turns, and
each gets its fastest repeat in processor time, so that other programs disturb little.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from puffer_envs import _core
from puffer_train import _kernels

NETWORKS = {
    "MinGRU 4 x 32": ("mingru", 32, 4),
    "MinGRU 2 x 64": ("mingru", 64, 2),
    "MinGRU 2 x 128": ("mingru", 128, 2),
    "MinGRU 2 x 256": ("mingru", 256, 2),
    "MinGRU 3 x 256": ("mingru", 256, 3),
    "MinGRU 1 x 512": ("mingru", 512, 1),
    "MinGRU 1 x 1024": ("mingru", 1024, 1),
    "LSTM 1 x 64": ("lstm", 64, 1),
    "LSTM 1 x 128": ("lstm", 128, 1),
    "LSTM 1 x 256": ("lstm", 256, 1),
    "LSTM 1 x 512": ("lstm", 512, 1),
    "LSTM 1 x 1024": ("lstm", 1024, 1),
}
"""Cell, units, layers."""
INPUTS, CHOICES, TIME, ROWS, SEQUENCES = 118, 3, 32, 1024, 256


class Case:
    """A network, and a rollout of random numbers."""

    def __init__(self, cell: str, hidden: int, layers: int, isa: str | None) -> None:
        random = np.random.default_rng(0)
        gates, fan_in = (4, 2) if cell == "lstm" else (3, 1)
        shapes = [(hidden, INPUTS), (layers, gates * hidden, fan_in * hidden), (CHOICES + 1, hidden)]
        weights = [random.normal(0, shape[-1] ** -0.5, shape).astype(np.float32) for shape in shapes]
        self.gradients = (*(np.zeros_like(w) for w in weights), None)
        scale = np.ones(INPUTS, np.float32)
        workers = _kernels.Workers(1, isa)
        self.learner = _kernels.Learner(workers, cell, INPUTS, hidden, layers, (CHOICES,), None, scale, "float32", TIME)
        self.learner.pack((*weights, None))
        state = np.zeros((layers, ROWS, self.learner.state_size()), np.float32)
        arrays: dict[str, Any] = {
            "observations": random.normal(0, 1, (TIME + 1, ROWS, INPUTS)).astype(np.float32),
            "actions": random.integers(0, CHOICES, (TIME, ROWS, 1)),
            "ends": random.random((TIME, ROWS)) < 0.01,
            "first_state": state,
            "last_value": np.zeros(ROWS, np.float32),
        }
        for name in ("log_probs", "advantages", "values", "ratios", "rewards", "final_values"):
            arrays[name] = random.normal(0, 1, (TIME, ROWS)).astype(np.float32)
        self.rollout = _kernels.Rollout(self.learner, arrays)
        env = SimpleNamespace(
            observations=arrays["observations"][0].copy(),
            rewards=np.zeros(ROWS, np.float32),
            terminals=np.zeros(ROWS, np.bool_),
            truncations=np.zeros(ROWS, np.bool_),
        )
        self.actor = _kernels.Actor(self.rollout, env, state.copy(), 0, ROWS)
        self.sequences = random.permutation(ROWS)[:SEQUENCES].astype(np.int64)
        encoder, rest = weights[0].size, weights[1].size + weights[2].size
        self.flop = {
            "learning": (4 * encoder + 6 * rest) * TIME * SEQUENCES,
            "acting": 2 * (encoder + rest) * ROWS,
        }

    def jobs(self) -> dict[str, Callable[[], object]]:
        """What is measured."""
        importance = np.ones(SEQUENCES, np.float32)
        settings = (True, False, 0.2, 0.5, 1.0, 0.01)
        return {
            "learning": lambda: self.learner.gradient(
                self.rollout, self.sequences, importance, self.gradients, *settings
            ),
            "acting": lambda: self.actor.act(0, 1),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="networks; all without")
    parser.add_argument("--isa", choices=_kernels.supported_isas(), help="instruction set; the best one without")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    cases = {name: Case(*of, options.isa) for name, of in NETWORKS.items() if name in (options.names or NETWORKS)}
    best = {(name, what): float("inf") for name in cases for what in ("learning", "acting")}
    peak = 0.0
    for _ in range(options.repeats):
        for name, case in cases.items():
            peak = max(peak, _core.calibrate_gflops(0.02) * 1e9)
            for what, job in case.jobs().items():
                begin = time.process_time()
                job()
                best[name, what] = min(best[name, what], time.process_time() - begin)
    print(f"{peak * 1e-9:.0f} GFLOP/s float32 on one core")
    figures: dict[str, dict[str, float]] = {}
    for name, case in cases.items():
        figures[name] = {what: flop / best[name, what] / peak for what, flop in case.flop.items()}
        samples = TIME * SEQUENCES / best[name, "learning"]
        shares = "".join(f"{share:>7.0%} of peak {what}" for what, share in figures[name].items())
        print(f"{name:<18}{shares}{samples / 1e3:>9.0f} k samples/s", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"gflops": peak * 1e-9, "shares": figures}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
