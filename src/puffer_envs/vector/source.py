"""Sources: a name or a callable, resolved into something that builds blocks of environments.

A source is sent to worker processes, so environments are made where they are stepped.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from puffer_envs.contract.documentation import page_url
from puffer_envs.contract.factories import load_factory, parameter_names, search_current_folder
from puffer_envs.contract.offers import load_file, load_offers, open_file
from puffer_envs.contract.wrap import KEY as WRAP
from puffer_envs.contract.wrap import Wrap
from puffer_envs.settings import resolve_settings
from puffer_envs.spec import LIBRARIES, is_native, spec
from puffer_envs.vector.batch_block import BatchBlock
from puffer_envs.vector.block import Block
from puffer_envs.vector.layout import Buffers
from puffer_envs.vector.pulse import Tick
from puffer_envs.vector.threads import Threads

OURS = {"num_envs", "seed", "first", "buffers", "assets"}
"""Arguments of a factory of batches that are not settings."""

Assets = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Source:
    """Builds blocks of one kind of environment."""

    name: str
    """Name to use in messages."""
    factory: Callable[..., Any]
    """Makes a batch with the buffer contract, or a single environment."""
    native: bool
    """Whether it is one of the C environments."""
    batched: bool
    """Whether the factory makes whole batches (it takes `num_envs`)."""
    divisible: bool
    """Whether a run can be split into several blocks, because the factory takes the number of its first environment."""
    settings: Mapping[str, Any]
    """Keyword arguments for the factory."""
    first: int = 0
    """Number in the run of the environment that blocks count from."""
    wrap: Wrap = field(default_factory=Wrap)
    """How single environments are wrapped."""
    training: bool = False
    """Whether what only makes sense while learning applies: `wrap.lives`."""

    def build(self, num_envs: int, first: int, seed: int, assets: Assets | None, tick: Tick | None = None) -> Block:
        """Return a block of `num_envs` environments that starts with the source's number `first`.

        It calls `tick` after every call of a single environment.

        Raises:
            TypeError: the factory did not return an environment. Its own exceptions pass through.
        """
        factory = functools.partial(self.factory, **self.settings)
        if assets is not None:
            factory = functools.partial(factory, assets=assets)
        first += self.first
        if self.batched:
            return BatchBlock(self.name, factory, num_envs, first, seed)
        return _python_block(self.name, factory, num_envs, first, seed, self.wrap, self.training, tick)


def _python_block(name: str, factory: Callable[[], Any], *arguments: Any) -> Block:
    """Make one environment, and return the adapter that fits it."""
    import gymnasium  # noqa: PLC0415 - workers of native environments do without the adapters

    made = [factory()]

    def make_env() -> Any:
        return made.pop() if made else factory()

    if isinstance(made[0], gymnasium.Env):
        from puffer_envs.adapters.from_gymnasium import GymnasiumBlock  # noqa: PLC0415

        return GymnasiumBlock(make_env, *arguments)
    if hasattr(made[0], "possible_agents"):
        from puffer_envs.adapters.from_pettingzoo import PettingZooBlock  # noqa: PLC0415

        return PettingZooBlock(make_env, *arguments)
    raise TypeError(
        f"{name} must return a gymnasium.Env or a PettingZoo environment, or "
        f"take num_envs and seed and return a batch with the buffer contract ({page_url('contract')}), got "
        f"{type(made[0]).__name__}"
    )


def resolve(factory_or_name: str | Callable[..., Any], settings: Mapping[str, Any], assets: Assets | None) -> Source:
    """Resolve a name or a callable.

    Args:
        factory_or_name: a native environment's name, `gymnasium:ID`, `pettingzoo:MODULE`, `module:factory`, or a
            callable: one that takes `num_envs` makes batches, any other makes single environments.
        settings: keyword arguments for the factory, and the table of `contract.wrap`, if any.
        assets: read-only arrays for a factory that takes `assets`.

    Raises:
        ValueError: an unknown name, or a native environment rejects its settings.
        TypeError: it is not callable, or does not take `assets`.
        ImportError: a package is missing.
    """
    settings = dict(settings)
    words = settings.pop(WRAP, {})
    if isinstance(factory_or_name, str):
        factory_or_name = open_file(factory_or_name)
        name, factory = factory_or_name, _find(factory_or_name, settings)
    else:
        factory = factory_or_name
        name = getattr(factory, "__name__", type(factory).__name__)
    native = is_native(factory_or_name)
    if native:
        settings = resolve_settings(spec(name), settings)
    elif name.startswith(("gymnasium:", "pettingzoo:")):
        settings = {}  # the factory already has them
    if not callable(factory):
        raise TypeError(f"expected an environment's name or a callable that makes one, got {factory!r}")
    takes = parameter_names(factory)
    reserved = sorted(settings.keys() & OURS) if "num_envs" in takes and not native else []
    if reserved:
        raise TypeError(f"{reserved[0]} is not a setting of {name}: it is chosen for every batch that it makes")
    if words and (native or "num_envs" in takes):
        raise ValueError(
            f"wrap.{next(iter(words))}: {name} makes whole batches, and only single environments are wrapped"
        )
    if assets is not None and (native or "assets" not in takes):
        raise TypeError(f"assets: {name} does not take any. Add a parameter `assets` to it")
    return Source(
        name=name,
        factory=factory,
        native=native,
        batched="num_envs" in takes,
        divisible="num_envs" not in takes or "first" in takes,
        settings=settings,
        wrap=Wrap.of(words),
    )


def _find(name: str, settings: Mapping[str, Any]) -> Callable[..., Any]:
    scheme, colon, rest = name.partition(":")
    if not colon:
        if not is_native(name) and name in load_offers():
            return functools.partial(load_offers()[name].make, name)
        spec(name)  # raises, with the nearest name
        return functools.partial(_native_batch, name, LIBRARIES.get(name))
    search_current_folder()
    if scheme == "gymnasium":
        from puffer_envs.adapters.from_gymnasium import gymnasium_factory  # noqa: PLC0415

        return gymnasium_factory(rest, **settings)
    if scheme == "pettingzoo":
        from puffer_envs.adapters.from_pettingzoo import pettingzoo_factory  # noqa: PLC0415

        return pettingzoo_factory(rest, **settings)
    return load_factory(name)


def _native_batch(
    name: str,
    library: str | None,
    num_envs: int,
    seed: int,
    first: int = 0,
    buffers: Buffers | None = None,
    **settings: Any,
) -> Threads:
    if library is not None:
        load_file(library)  # which a worker process has not
    return Threads(name, num_envs, seed=seed, first=first, buffers=buffers, **settings)
