"""Every environment keeps the contract; and the checks notice when one does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs import conformance
from puffer_envs.conformance import CHECKS, ContractError, NotOfferedError, Subject, check_name, subject


@pytest.mark.parametrize("name", puffer_envs.list_envs())
@pytest.mark.parametrize("check", CHECKS, ids=check_name)
def test_environment_keeps_the_contract(name: str, check: conformance.Check) -> None:
    try:
        check(subject(name))
    except NotOfferedError as missing:
        assert str(missing) == "continuous actions", f"a native environment offers everything, not {missing}"


@pytest.mark.parametrize("check", CHECKS, ids=check_name)
def test_probe_keeps_the_contract(probe: str, check: conformance.Check) -> None:
    """Several actions, masks, absent agents, int8: what no game here uses."""
    if check is not conformance.check_clipping:
        check(subject(probe))


@pytest.mark.parametrize("check", CHECKS, ids=check_name)
def test_continuous_actions_keep_the_contract(check: conformance.Check) -> None:
    check(subject("cartpole", continuous=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", puffer_envs.list_envs())
def test_ten_million_steps_in_bounds(name: str) -> None:
    with puffer_envs.make(name, 64) as env:
        rows = env.num_agents
    conformance.check_bounds(subject(name, steps=10_000_000 // rows * 64 // conformance.BATCH))


class Broken:
    """squared behind the contract, with one thing broken at a time."""

    def __init__(self, fault: str, num_envs: int, seed: int) -> None:
        self.fault = fault
        self.env = puffer_envs.make("squared", num_envs=num_envs, seed=seed)
        self.steps = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def reset(self, seed: int | None = None) -> Any:
        if self.fault == "seeds" and self.steps:
            seed = (seed or 0) + 1
        if self.fault == "fresh episodes" and seed is None:
            seed = 1234
        out = self.env.reset(seed)
        return out.copy() if self.fault == "identity" else out

    def step(self, actions: Any) -> Any:
        self.steps += 1
        before = self.env.rewards.copy()
        if self.fault == "hostile actions" and np.shape(actions) == self.env.actions.shape:
            actions = np.nan_to_num(np.asarray(actions, dtype=float)).astype(np.int64).clip(0, 4)
        out = self.env.step(actions)
        if self.fault == "bounds":
            self.env.observations[-1] = 9
        if self.fault == "written":
            self.env.rewards[-1] = before[-1]
        if self.fault == "ends":
            self.env.terminals[:] = self.env.truncations[:] = False
        return out

    def log(self, env: int | None = None) -> dict[str, float]:
        log = self.env.log(env)
        return log | {"perf": 2.0} if self.fault == "log" and log else log

    def close(self) -> None:
        if self.fault != "life cycle":
            self.env.close()


FAULTS = ("seeds", "fresh episodes", "identity", "hostile actions", "bounds", "written", "log", "life cycle")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_environment_is_noticed(fault: str) -> None:
    broken = Subject("broken", lambda num_envs, seed: Broken(fault, num_envs, seed), native=False)
    check = next(c for c in CHECKS if check_name(c) == fault)
    with pytest.raises(ContractError):
        check(broken)


def test_an_endless_environment_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Subject("endless", lambda num_envs, seed: Broken("ends", num_envs, seed), native=False)
    monkeypatch.setattr(conformance, "END_LIMIT", 500)
    with pytest.raises(ContractError, match="no episode ended in 500 steps"):
        conformance.check_ends(endless)
