"""Run an exported policy with NumPy alone.

`puffer-train` writes a policy as one safetensors file (docs/policy-file.md); this
package checks such a file once, when it is loaded, and then plays it without torch:

    policy = load_policy("breakout.safetensors")
    policy.require("breakout", env.single_observation_space, env.single_action_space)
    observations = env.reset(0)
    while True:
        observations, rewards, terminals, truncations = env.step(policy.act(observations))
        policy.reset(terminals | truncations)

`network.py` with `encoders.py` and `cells.py` is the network, and `player.py` plays. A policy with a network of the
user's own is played through the package that trained it. The file format is in `puffer_envs.contract`.
"""

from puffer_envs.contract.policy_info import PolicyError, PolicyInfo
from puffer_envs.policy.player import NumpyPolicy, load_policy

__all__ = ["NumpyPolicy", "PolicyError", "PolicyInfo", "load_policy"]
