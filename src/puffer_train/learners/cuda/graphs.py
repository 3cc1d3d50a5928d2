"""Work on the GPU that is recorded once and then launched as a whole.

A training step is some two hundred small kernels. Launched one by one they keep the processor busier than the GPU;
as one CUDA graph they cost one launch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

WARM_UPS = 2
"""Runs before recording: they compile kernels and let libraries allocate what they cannot while recording."""

RECORDING = threading.Lock()
"""Actors have their own threads, but recording starts by waiting for the whole GPU, which would break another's."""


class Graph:
    """A function without arguments that reads and writes fixed tensors; on a GPU its second call is a replay.

    The function must not wait for the GPU, must always do the same, and must leave its results in tensors that
    existed before. On other devices calling the graph just calls the function.
    """

    def __init__(self, function: Callable[[], None], device: torch.device, changed: Iterable[Tensor]) -> None:
        """`changed` are the tensors that the function changes and that its next call depends on."""
        self.function, self.device, self.changed = function, device, list(changed)
        self.recorded: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Do the work; on a GPU, put it on the current stream."""
        if self.device.type != "cuda":
            self.function()
            return
        if self.recorded is None:
            with RECORDING:
                self.recorded = self._record()
        self.recorded.replay()

    def _record(self) -> torch.cuda.CUDAGraph:
        """Run the function until nothing in it is new, put everything back, and record it."""
        before = [tensor.clone() for tensor in self.changed]
        aside = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                self.function()
                with torch.no_grad():
                    for tensor, value in zip(self.changed, before, strict=True):
                        tensor.copy_(value)
        torch.cuda.synchronize(self.device)
        graph = torch.cuda.CUDAGraph()
        # other threads (environments, a communication library's watchdog) may use the GPU meanwhile
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self.function()
        return graph
