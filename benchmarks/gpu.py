"""What the trainer does on one NVIDIA GPU: `python benchmarks/gpu.py`, less than 8 minutes.

First every kernel is checked against the processor's code in double precision: the largest error of each is printed,
and the exit status is 1 if one is too large. Then come the GPU's own limits, the time of each kernel beside the
minimum for its memory traffic, training speed with its split, and the wall-clock time to a solved Breakout.

`--interpret` runs the checks alone, on the processor, in Triton's interpreter. Without a GPU the exit status is 2.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from puffer_envs.contract.errors import UserError
from puffer_envs.contract.machine import available_cores

RESULTS = Path(__file__).parent / "results" / "gpu.json"

REPEATS = 20
"""Calls of a kernel in one graph, so that the time of launching it does not count."""

ROUNDS = 7
"""Replays of that graph, of which the median counts."""

WARM_UP, MEASURED = 3, 20.0
"""Iterations before training speed is measured, and seconds that it is measured for."""

NETWORKS = {
    "LSTM-128": {
        "policy": {"cell": "lstm", "hidden": 128, "layers": 1},
        "train": {"num_envs": 8192, "horizon": 64, "minibatch": 32768, "replay_ratio": 1.0},
    },
    "default, 8,192 environments": {
        "train": {"num_envs": 8192, "horizon": 32, "minibatch": 32768, "replay_ratio": 1.0}
    },
    "default": {},
}
"""Whose training speed is measured, on Breakout."""


def check(device: torch.device) -> bool:
    """Print the error of every kernel; return whether all are small enough."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "train"))  # the tests run the same checks
    import cuda_checks as checks

    passed = True
    print(f"{'kernel':<72}{'error':>10}{'allowed':>10}")
    for result in checks.check_all(device):
        print(f"{result.name:<72}{result.error:>10.1e}{result.allowed:>10.0e}{'' if result.passed else '   WRONG'}")
        passed &= result.passed
    print("every kernel computes what the processor does" if passed else "SOME KERNELS ARE WRONG", flush=True)
    return passed


# -- the GPU's limits ----------------------------------------------------------------------------------------


def seconds(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Return how long one call takes on the GPU: median over replays of a graph of many."""
    aside = torch.cuda.Stream()
    with torch.cuda.stream(aside):
        for _ in range(3):
            work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(repeats):
            work()
    times = []
    for _ in range(ROUNDS):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1000 / repeats)
    return statistics.median(times)


def calibrate() -> dict[str, float]:
    """Measure the limits that everything else is compared with."""
    found: dict[str, float] = {}
    for name, dtype, precision, size in (
        ("float32", torch.float32, "highest", 4096),
        ("tf32", torch.float32, "high", 8192),
        ("bf16", torch.bfloat16, "highest", 8192),
    ):
        torch.set_float32_matmul_precision(precision)
        a, b = (torch.randn(size, size, device="cuda", dtype=dtype) for _ in range(2))
        out = torch.empty_like(a)
        found[f"gemm {name}, TFLOP/s"] = 2 * size**3 / seconds(lambda: torch.mm(a, b, out=out), 4) / 1e12  # noqa: B023
    torch.set_float32_matmul_precision("highest")
    source = torch.randn(1 << 28, device="cuda")
    target = torch.empty_like(source)
    found["memory read and written, GB/s"] = 2 * source.nbytes / seconds(lambda: target.copy_(source), 4) / 1e9

    pinned = torch.empty(1 << 26, dtype=torch.uint8, pin_memory=True)
    there = torch.empty(1 << 26, dtype=torch.uint8, device="cuda")
    for name, work in (("to", lambda: there.copy_(pinned, True)), ("from", lambda: pinned.copy_(there, True))):
        found[f"copies {name} the GPU, GB/s"] = pinned.nbytes / wall_seconds(work, 10) / 1e9
    tiny = torch.zeros(1, device="cuda")
    found["launch of one kernel, us"] = wall_seconds(lambda: tiny.add_(1), 2000) * 1e6
    found["kernel within a graph, us"] = seconds(lambda: tiny.add_(1), 500) * 1e6
    return found


def wall_seconds(work: Callable[[], Any], repeats: int) -> float:
    """Return how long one call takes by the wall clock, with the GPU's work and without a graph."""
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(repeats):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - begin) / repeats


# -- kernels -------------------------------------------------------------------------------------------------


def time_kernels(bandwidth: float) -> list[dict[str, Any]]:
    """Time every kernel at a training step's size, beside what its memory traffic takes at `bandwidth` (bytes/s)."""
    from puffer_envs.contract.actions import ActionSpec
    from puffer_train import policy
    from puffer_train.algorithm import advantage
    from puffer_train.algorithm.loss import Minibatch
    from puffer_train.config import TrainSettings
    from puffer_train.learners.cuda import operations

    def numbers(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device="cuda")

    rows: list[dict[str, Any]] = []

    def add(name: str, work: Callable[[], Any], floats: int, reference: Callable[[], Any] | None = None) -> None:
        row = {"kernel": name, "us": seconds(work) * 1e6, "least_us": 4 * floats / bandwidth * 1e6}
        row["torch_us"] = None if reference is None else seconds(reference, 3) * 1e6
        rows.append(row)
        there = "" if row["torch_us"] is None else f"{row['torch_us']:>14,.1f}"
        print(f"{name:<52}{row['us']:>10,.1f}{row['least_us']:>12,.1f}{there}", flush=True)

    print(f"\n{'kernel':<52}{'us':>10}{'traffic, us':>12}{'torch, us':>14}")
    for steps, batch, hidden in ((32, 256, 32), (32, 1024, 32), (64, 512, 128)):
        size, shape = steps * batch * hidden, f"T {steps}, B {batch}, H {hidden}"
        z, x, first = numbers(steps, batch, 3 * hidden), numbers(steps, batch, hidden), numbers(batch, hidden)
        keep = (torch.rand(steps, batch, device="cuda") > 0.01).float()
        resets, gradient = policy.Resets(keep), numbers(steps, batch, hidden)
        add(
            f"MinGRU forward, {shape}",
            lambda: operations.mingru_scan(z, x, first, keep),  # noqa: B023
            6 * size,
            lambda: policy.MinGRUScan.apply(z, x, first, resets),  # noqa: B023
        )
        add(
            f"MinGRU forward and backward, {shape}",
            lambda: both(operations.mingru_scan, (z, x), first, keep, gradient),  # noqa: B023
            17 * size,
            lambda: both(policy.MinGRUScan.apply, (z, x), first, resets, gradient),  # noqa: B023
        )
        z, weight, first = (
            numbers(steps, batch, 4 * hidden),
            numbers(4 * hidden, hidden) / 10,
            numbers(batch, 2 * hidden),
        )
        add(
            f"LSTM forward, {shape}",
            lambda: operations.lstm_scan(z, weight, first, keep),  # noqa: B023
            11 * size,
            lambda: policy.LSTMScan.apply(z, weight, first, resets),  # noqa: B023
        )
        add(
            f"LSTM forward and backward, {shape}",
            lambda: both(operations.lstm_scan, (z, weight), first, keep, gradient),  # noqa: B023
            25 * size,
            lambda: both(policy.LSTMScan.apply, (z, weight), first, resets, gradient),  # noqa: B023
        )
    steps, agents = 64, 8192
    inputs = [numbers(steps, agents) for _ in range(3)] + [(torch.rand(steps, agents, device="cuda") < 0.01).float()]
    add(
        f"advantages, T {steps}, A {agents}",
        lambda: operations.advantages(*inputs, gamma=0.98, lam=0.95),
        5 * steps * agents,
        lambda: advantage.advantages(*inputs, gamma=0.98, lam=0.95),
    )
    layout = operations.CategoricalLayout(ActionSpec("discrete", (3,), ()), torch.device("cuda"))
    for steps, batch in ((32, 256), (64, 512)):
        shape = (steps, batch)
        minibatch = Minibatch(
            actions=torch.zeros(*shape, 1, dtype=torch.int64, device="cuda"),
            masks=None,
            present=None,
            log_probs=numbers(*shape),
            values=numbers(*shape),
            advantages=numbers(*shape),
            importance=torch.ones(batch, device="cuda"),
        )
        moments, output = torch.ones(3, device="cuda"), numbers(4, *shape)
        work = (layout, output, minibatch, moments, TrainSettings())
        add(f"loss and gradient, T {steps}, B {batch}", lambda: operations.ppo_loss(*work), 14 * steps * batch)  # noqa: B023
    output, slots = numbers(4, agents), (2, agents)
    stored = (
        torch.zeros(*slots, 1, dtype=torch.int64, device="cuda"),
        torch.zeros(slots, device="cuda"),
        torch.zeros(slots, device="cuda"),
        torch.zeros(slots, dtype=torch.bool, device="cuda"),
    )
    key, slot = torch.tensor([1], device="cuda"), torch.tensor([0], device="cuda")
    add(
        f"sampling, A {agents}",
        lambda: operations.sample_categorical(layout, output, output[-1], None, key, slot, 0, *stored),
        8 * agents,
    )
    return rows


def both(scan: Callable[..., Any], inputs: tuple[torch.Tensor, ...], *rest: Any) -> None:
    """Run a scan and its gradient."""
    *fixed, gradient = rest
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    torch.autograd.grad(scan(*leaves, *fixed), leaves, gradient)


# -- training ------------------------------------------------------------------------------------------------


def training_speed(name: str, tables: dict[str, Any]) -> dict[str, Any]:
    """Train on Breakout for a while; return agent steps per second, and where the time went."""
    from puffer_train import config
    from puffer_train.algorithm.ppo import PPO
    from puffer_train.environments import registry

    source, cores = registry.find("breakout"), available_cores()
    settings = config.overlay(config.load("breakout"), tables, name)
    env = source.make(settings.train.num_envs, 1, cores, settings.env)
    try:
        trainer = PPO(env, settings, 1, "breakout", threads=cores, learner="cuda")
        for _ in range(WARM_UP):
            trainer.iterate()
        trainer.clock.seconds.clear()
        before, begin = trainer.steps, time.perf_counter()
        while time.perf_counter() - begin < MEASURED:
            trainer.iterate()
        passed = time.perf_counter() - begin
    finally:
        env.close()
    split = {section: spent / passed for section, spent in trainer.clock.seconds.items()}
    result = {"network": name, "steps_per_second": (trainer.steps - before) / passed, "split": split}
    shares = ", ".join(f"{section} {share:.0%}" for section, share in sorted(split.items(), key=lambda item: -item[1]))
    print(f"{name:<32}{result['steps_per_second'] / 1e6:>8.2f} M steps/s   {shares}", flush=True)
    return result


def time_to_solve() -> dict[str, Any]:
    """Run `puffer-train breakout --learner cuda` on seed 1; return when it was done and its score."""
    from training import train

    with tempfile.TemporaryDirectory() as scratch:
        run = train("breakout", 1, Path(scratch) / "run", ["--learner", "cuda"])
    print(f"breakout, seed 1: trained in {run['training_seconds']:.1f} s, score {run['score']:.1f} of 864", flush=True)
    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interpret", action="store_true", help="only check the kernels, on the processor")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures go [%(default)s]")
    options = parser.parse_args()
    if options.interpret:
        os.environ["TRITON_INTERPRET"] = "1"  # before Triton is loaded
        return 0 if check(torch.device("cpu")) else 1
    if not torch.cuda.is_available():
        print(f"no NVIDIA GPU: torch {torch.__version__} sees none. --interpret checks the kernels without one.")
        return 2
    begin = time.monotonic()
    properties = torch.cuda.get_device_properties(0)
    print(f"{properties.name}, {properties.multi_processor_count} multiprocessors, torch {torch.__version__}\n")
    if not check(torch.device("cuda")):
        return 1
    print()
    limits = calibrate()
    for name, figure in limits.items():
        print(f"{name:<40}{figure:>12,.1f}")
    found: dict[str, Any] = {"gpu": properties.name, "torch": torch.__version__, "calibration": limits}
    found["kernels"] = time_kernels(limits["memory read and written, GB/s"] * 1e9)
    print()
    found["training"] = [training_speed(name, tables) for name, tables in NETWORKS.items()]
    found["breakout"] = time_to_solve()
    found["seconds"] = time.monotonic() - begin
    options.json.write_text(json.dumps(found, indent=2) + "\n")
    print(f"\n{found['seconds']:.0f} s in all; figures in {options.json}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"gpu.py: {error}")
