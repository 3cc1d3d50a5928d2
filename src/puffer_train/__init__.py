"""Train reinforcement-learning policies on any environment that keeps the buffer contract (docs/contract.md).

`puffer_train` knows environments through that contract only: it never imports `puffer_envs` or a renderer.
Read `ppo.py` for the algorithm, `policy/` for the network, `run.py` for what a run leaves behind.
"""
