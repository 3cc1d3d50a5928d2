"""What ranks do together, each checked on each of them: torchrun ranks_meet.py"""

import numpy as np
import torch

from puffer_train.errors import RanksError
from puffer_train.moments import moments
from puffer_train.system.ranks import SHORT, joined

with joined() as ranks:
    rank, count = ranks.rank, ranks.count
    assert count == 3
    assert ranks.leads == (rank == 0)

    assert ranks.most(-5 - rank) == -5
    assert ranks.agree(rank == 2)
    assert not ranks.agree(False)

    numbers = torch.tensor([1.0, 10.0, 100.0]) * (rank + 1)
    ranks.sum_(numbers)
    assert numbers.tolist() == [6.0, 60.0, 600.0]
    numbers = torch.full((5,), float("nan") if rank == 1 else 1.0)
    ranks.sum_(numbers)
    assert numbers.isnan().all()

    everything = np.random.default_rng(0).normal(3, 2, 1000) + 1e6
    mine = torch.from_numpy(everything[:10] if rank == 0 else everything[10:] if rank == 1 else everything[:0])
    n, mean, squares = ranks.pool(moments(mine)).tolist()
    assert n == 1000
    assert abs(mean - everything.mean()) < 1e-8
    assert abs(squares / 1000 - everything.var()) < 1e-8

    weights = torch.full((4,), float(rank))
    ranks.copy_first_(weights)
    assert weights.tolist() == [0.0] * 4

    for size in (0, 1, SHORT - 8, SHORT - 7, 3 * SHORT):  # the others' are short
        told = ranks.tell(b"%d" % rank * (size if rank == 1 else rank))
        assert told == [b"", b"1" * size, b"22"], size
    large = bytes(range(256)) * 1000
    assert ranks.share(large if rank == 0 else None) == large
    collected = ranks.collect(large * rank)
    assert collected == ([b"", large, large * 2] if rank == 0 else [])

    assert ranks.first(None) is None
    assert ranks.first(None if rank == 0 else f"broken {rank}") == "rank 1: broken 1"

    ranks.check_same("the weights", [torch.arange(5)])
    try:
        ranks.check_same("the weights", [torch.tensor(-0.0 if rank == 2 else 0.0)])
    except RanksError as error:
        assert str(error).startswith("the weights of rank 2 differ from those of rank 0")
    else:
        raise AssertionError("nobody noticed")
    ranks.check_agreement({"seed": 1, "env.size": "large"})
    try:
        ranks.check_agreement({"seed": 1, "env.size": "large"} | ({"env.size": "small"} if rank == 2 else {}))
    except RanksError as error:
        assert str(error).startswith("rank 2 has env.size 'small', rank 0 has 'large': ")
    else:
        raise AssertionError("nobody noticed")
    ranks.wait()
    print(f"rank {rank} is content")
