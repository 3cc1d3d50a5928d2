"""What trains a run, opened: its environments and the algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from puffer_envs.contract.machine import available_cores
from puffer_train import config
from puffer_train.algorithm.ppo import PPO
from puffer_train.contract import describe
from puffer_train.environments import registry
from puffer_train.policy import find_network
from puffer_train.run.opponents import read_opponents
from puffer_train.run.state import RunOptions
from puffer_train.storage.policy_file import identify
from puffer_train.system import runtime
from puffer_train.system.crashes import report_crashes
from puffer_train.system.machine import versions
from puffer_train.system.ranks import Ranks, check_shares


@contextmanager
def opened_ppo(
    source: registry.EnvironmentSource,
    settings: config.Settings,
    seed: int,
    cores: int,
    options: RunOptions,
    ranks: Ranks,
) -> Iterator[PPO]:
    """Make this rank's share of the environments and the algorithm for them; close the environments in the end."""
    report_crashes()
    ranks.check_agreement(
        {"environment": source.name, "seed": seed, "learner": options.learner}
        | {name: version for name, version in versions().items() if name in ("puffer-envs", "torch")}
        | config.flat(settings.as_dict())
    )
    check_shares(settings.train, ranks.count)
    if settings.policy.network:  # before environments are made, which may take long
        ranks.check_agreement({"source of policy.network": find_network(settings.policy.network).sha256})
    count = settings.train.num_envs // ranks.count
    first = None if ranks.count == 1 else ranks.rank * count
    with source.opened(count, seed, cores, settings.env, first, training=True) as env:
        about = identify(env, source.name, settings.env)
        ranks.check_agreement({"environment version": about.version} | config.flat({"env": about.settings}))
        opponents = read_opponents(settings, describe(env, source.name), about) if settings.selfplay.opponents else ()
        ppo = PPO(
            env,
            settings,
            seed,
            source.name,
            threads=cores,
            learner=options.learner,
            ranks=ranks,
            opponents=opponents,
        )
        _tune(ppo, options.threads if ranks.count == 1 else cores)
        try:
            yield ppo
        finally:
            ppo.stop_collecting()


def share_of_cores(ranks: Ranks) -> int:
    """Return how many threads are a rank's share of this machine."""
    return max(1, available_cores() // ranks.local_count)


def _tune(ppo: PPO, threads: int | None) -> None:
    """Prepare torch for the matrix products of this run."""
    spec, settings, layers = ppo.spec, ppo.settings.train, ppo.policy.products()
    acting = [(spec.rows, i, o) for i, o in layers]
    learning = [(settings.minibatch, i, o) for i, o in layers] + [(i, settings.minibatch, o) for i, o in layers]
    runtime.tune(threads, acting + learning)
