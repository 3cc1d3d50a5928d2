"""Train reinforcement-learning policies on any environment that keeps the buffer contract (docs/contract.md).

Rooms, from top to bottom; each knows only those below it:

- cli: the commands
- run: one training run, from the first step to the video
- report: what people read of it
- storage: what it keeps on disk
- algorithm: PPO (start with `algorithm.ppo`), and learners: who does its arithmetic
- policy: the network
- environments: finding and making environments by name
- kernels: the C kernels as a library, for other trainers
- system: cores, signals, ranks

`puffer_train` knows environments through the contract only and never imports a renderer.
"""
