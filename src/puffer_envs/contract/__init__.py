"""The shared vocabulary: everything that environments, trainer and renderers must agree on, each defined once.

- `protocol`: the buffer contract as types (docs/contract.md explains it, `puffer-envs check` tests it).
- `observations`, `actions`: what the rows of its arrays mean, as plain values.
- `policy_file`, `policy_info`, `tensor_file`: the file that holds a trained policy.
- `trained`: the policies that ship with the environments.
- `logs`: the arithmetic of episode statistics.
- `documentation`: where the documentation is.
- `command_line`, `names`, `errors`: how every command reads settings, suggests names and reports mistakes.
- `completion`, `shell`: what Tab completes in a shell, and how commands are typed there.
- `files`, `factories`, `offers`, `machine`: atomic writes, `module:factory`, what packages offer, cores and memory.

It imports NumPy, Gymnasium and the standard library, and nothing else of `puffer_envs`.
"""

from puffer_envs.contract.observations import ObservationField
from puffer_envs.contract.protocol import BufferEnv, StepResult

__all__ = ["BufferEnv", "ObservationField", "StepResult"]
