"""Makes the tests' small environments importable, and torch quick on small work."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """The numbers of a seed hold for one number of threads; on tests' sizes one is the fastest, too."""
    import torch  # noqa: PLC0415 - after the environment variable

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
