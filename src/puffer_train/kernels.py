"""The trainer's C kernels as a library, for trainers of your own: `docs/one-file-trainer.md` is one.

- `Recurrent`: a stack of MinGRU or LSTM layers over sequences with resets, as a torch module with gradients.
- `sample_categorical`, `sample_gaussian`: actions and their log-probabilities.
- `evaluate_categorical`: log-probability and entropy of given actions, with gradients.
- `estimate_advantages`: generalised advantage estimation, with V-trace's clips if you want.
- `PPOLoss`: the loss of proximal policy optimisation and its gradient, from the network's inputs to its weights.
- `Muon`: the optimizer of weight matrices.

All of it computes float32 on the processor, and gives the same bytes on any number of threads and on any x86-64
processor with AVX2 or AVX-512.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from puffer_train import _kernels

__all__ = [
    "Muon",
    "PPOLoss",
    "Recurrent",
    "estimate_advantages",
    "evaluate_categorical",
    "sample_categorical",
    "sample_gaussian",
]

FIGURES = ("policy_loss", "value_loss", "entropy", "old_approx_kl", "approx_kl", "clip_fraction", "importance")
"""What every learner reports of a loss, in this order; c/learn/network.h has it from `PUF_POLICY_LOSS` on."""

MAX_KEY = 1 << 62


class Recurrent(nn.Module):
    """A stack of recurrent layers that are all H units wide, without biases, and optionally what surrounds them.

    `puffer_train.policy.cells` has the formulas and the same in torch. Parameters are `core` (L, G, F), the layers'
    matrices: (3H, H) for a MinGRU and (4H, 2H) for an LSTM; with `inputs`, `encoder` (H, I), a linear encoder before
    them; with `outputs`, `head` (O, H), a linear head behind them. These could be torch's as well, but in one function
    everything stays in the cache.

    Example:
        >>> memory = Recurrent(hidden=32, layers=2)
        >>> state = memory.initial_state(rows=8)
        >>> outputs, state = memory(torch.randn(16, 8, 32), state)
        >>> outputs.shape
        torch.Size([16, 8, 32])
    """

    def __init__(
        self,
        hidden: int,
        layers: int = 1,
        cell: str = "mingru",
        *,
        inputs: int | None = None,
        outputs: int | None = None,
        input_scale: Sequence[float] | None = None,
        threads: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        """Draw the first weights, each matrix uniformly from +-1 / sqrt(its columns).

        Args:
            hidden: H, a multiple of 16.
            layers: L.
            cell: `mingru` or `lstm`.
            inputs: I, of an encoder; None: what comes in is H wide already.
            outputs: O, of a head, at least 2; None: what comes out is H wide.
            input_scale: (I,): what the encoder multiplies inputs with, so that they are about -1 to 1; None: 1.
            threads: How many threads share the rows; results do not depend on it.
            generator: Draws the weights; None is torch's global one.

        Raises:
            ValueError: There is no kernel for that.
        """
        super().__init__()
        self.options: dict[str, Any] = {
            "hidden": hidden,
            "layers": layers,
            "cell": cell,
            "inputs": inputs,
            "outputs": outputs,
            "input_scale": (1.0,) * (inputs or 0) if input_scale is None else tuple(input_scale),
            "threads": threads,
        }
        """What it was made with."""
        workers, scale = _kernels.Workers(threads), self.options["input_scale"]
        self._stack = _kernels.Stack(workers, cell, inputs, hidden, layers, outputs or 0, scale)
        self._width = hidden if outputs is None else outputs
        self._spare: list[NDArray[np.float32]] = []

        def matrix(*shape: int) -> nn.Parameter:
            bound = shape[-1] ** -0.5
            return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))

        self.encoder = None if inputs is None else matrix(hidden, inputs)
        self.core = matrix(layers, *((4 * hidden, 2 * hidden) if cell == "lstm" else (3 * hidden, hidden)))
        self.head = None if outputs is None else matrix(outputs, hidden)

    def initial_state(self, rows: int) -> Tensor:
        """Return the state at the start of an episode: zeros (L, B, S), S = H for a MinGRU and 2H for an LSTM."""
        return torch.zeros(len(self.core), rows, self._stack.state_size())

    def forward(self, inputs: Tensor, state: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run whole sequences, for learning.

        Args:
            inputs: (T, B, H) float32; with an encoder (T, B, I) uint8, int8, int32 or float32, which get no gradient.
            state: (L, B, S) before the first step. It gets no gradient: learning does not reach back beyond it.
            keep: (T, B), 0 where the state is reset before that step because an episode begins there, else 1. None
                is 1 throughout.

        Returns:
            The outputs, (T, B, O) of the head or (T, B, H) of the last layer, and the state after the last step.

        Raises:
            ValueError: A shape or dtype does not fit.
        """
        keep = None if keep is None else keep.to(torch.float32).contiguous()
        state = state.detach().clone(memory_format=torch.contiguous_format)
        weights = (self.encoder, self.core, self.head)
        outputs: Tensor = _Sequence.apply(self, inputs.contiguous(), state, keep, *weights)  # type: ignore[no-untyped-call]
        return outputs, state

    @torch.no_grad()
    def step(self, inputs: Tensor, state: Tensor) -> Tensor:
        """One step for acting: inputs (B, H) or (B, I) to outputs (B, H) or (B, O), without gradient.

        `state` (L, B, S), contiguous, is updated in place.
        """
        self._stack.pack(_weights(self.encoder, self.core, self.head))
        outputs = torch.empty(1, len(inputs), self._width)
        self._stack.forward(_array(inputs)[None], None, state.numpy(), outputs.numpy())
        return outputs[0]

    def _memory(self, steps: int, rows: int) -> NDArray[np.float32]:
        """Return memory for a backward pass: that of an earlier one where it fits, since new memory is slow."""
        size = self._stack.memory_size(steps, rows)
        spare = self._spare.pop() if self._spare else np.empty(0, np.float32)
        return spare if len(spare) == size else np.empty(size, np.float32)

    def __deepcopy__(self, memo: dict[int, Any]) -> Recurrent:
        """Copy the weights; a copy has threads of its own."""
        twin = Recurrent(**self.options)
        twin.load_state_dict(self.state_dict())
        twin.train(self.training)
        memo[id(self)] = twin
        return twin


class _Sequence(torch.autograd.Function):
    """`Recurrent.forward`: updates the state (L, B, S) and returns the outputs."""

    @staticmethod
    def forward(
        ctx: Any,
        module: Recurrent,
        inputs: Tensor,
        state: Tensor,
        keep: Tensor | None,
        encoder: Tensor | None,
        core: Tensor,
        head: Tensor | None,
    ) -> Tensor:
        stack, outputs = module._stack, torch.empty(*inputs.shape[:2], module._width)
        ctx.module = module
        ctx.memory = module._memory(*inputs.shape[:2]) if any(ctx.needs_input_grad) else None
        stack.pack(_weights(encoder, core, head))
        stack.forward(_array(inputs), _array_or_none(keep), state.numpy(), outputs.numpy(), ctx.memory)
        ctx.save_for_backward(keep, encoder, core, head)
        return outputs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, by_outputs: Tensor) -> tuple[Tensor | None, ...]:
        keep, *weights = ctx.saved_tensors
        if ctx.memory is None:
            raise RuntimeError("Recurrent cannot go backward twice: run it forward again.")
        stack, hidden = ctx.module._stack, weights[1].shape[-2] // (4 if ctx.module.options["cell"] == "lstm" else 3)
        by_inputs = torch.empty(*by_outputs.shape[:2], hidden) if weights[0] is None else None
        by_weights = [None if w is None else torch.empty_like(w) for w in weights]
        stack.pack(_weights(*weights))  # another forward pass may have used others
        gradients = _weights(*by_weights)
        stack.backward(_array(by_outputs), _array_or_none(keep), _array_or_none(by_inputs), ctx.memory, gradients)
        ctx.module._spare, ctx.memory = [ctx.memory], None
        return None, by_inputs, None, None, *by_weights


def sample_categorical(
    logits: Tensor,
    sizes: Sequence[int] | None = None,
    *,
    masks: Tensor | None = None,
    greedy: bool = False,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw discrete actions. No gradient is recorded.

    Args:
        logits: (B, K) float32: those of the numbers of an action, side by side.
        sizes: How many choices each number has, which sum to K; None: one number of K choices.
        masks: (B, K) bool: which choices are allowed, at least one of each number. None: all.
        greedy: Take the likeliest.
        generator: Where the randomness comes from; None is torch's global one.

    Returns:
        Actions (B, k) int64 for k numbers, and the logarithm (B,) of the probability of each row.

    Raises:
        ValueError: A shape or dtype does not fit.
    """
    sizes = (logits.shape[-1],) if sizes is None else tuple(sizes)
    actions, log_probs = torch.empty(len(logits), len(sizes), dtype=torch.int64), torch.empty(len(logits))
    key, rows, allowed = _key(generator), _array(logits), _array_or_none(masks)
    _kernels.sample(_ALONE, rows, sizes, allowed, None, None, key, greedy, actions.numpy(), log_probs.numpy())
    return actions, log_probs


def evaluate_categorical(
    logits: Tensor, actions: Tensor, sizes: Sequence[int] | None = None, *, masks: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return how likely discrete actions are, and how random the policy is: log-probability and entropy, each (...).

    Both have gradients with respect to the logits. With the logits that an action was drawn from, the log-probability
    is that of `sample_categorical` to the bit.

    Args:
        logits: (..., K) float32: those of the numbers of an action, side by side.
        actions: (..., k) int64 for k numbers.
        sizes: How many choices each number has, which sum to K; None: one number of K choices.
        masks: (..., K) bool: which choices were allowed, at least one of each number. None: all.

    Raises:
        ValueError: A shape or dtype does not fit, or an action is none of the choices.
    """
    sizes = (logits.shape[-1],) if sizes is None else tuple(sizes)
    flat = None if masks is None else masks.reshape(-1, masks.shape[-1])
    rows = logits.reshape(-1, logits.shape[-1]).contiguous()
    found = _Categorical.apply(rows, actions.reshape(len(rows), -1), flat, sizes)  # type: ignore[no-untyped-call]
    log_probs, entropies = (x.view(logits.shape[:-1]) for x in found)
    return log_probs, entropies


class _Categorical(torch.autograd.Function):
    """`evaluate_categorical` of rows (B, K)."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, actions: Tensor, masks: Tensor | None, sizes: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        ctx.sizes = sizes
        ctx.save_for_backward(logits, actions, masks)
        found = torch.empty(len(logits)), torch.empty(len(logits))
        inputs = _array(logits), sizes, _array_or_none(masks), _array(actions)
        _kernels.evaluate(_ALONE, *inputs, *(x.numpy() for x in found))
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, by_log_probs: Tensor, by_entropies: Tensor) -> tuple[Tensor, None, None, None]:
        logits, actions, masks = ctx.saved_tensors
        by_logits = torch.empty_like(logits)
        inputs = _array(logits), ctx.sizes, _array_or_none(masks), _array(actions)
        _kernels.evaluate(_ALONE, *inputs, _array(by_log_probs), _array(by_entropies), by_logits.numpy())
        return by_logits, None, None, None


def sample_gaussian(
    means: Tensor,
    log_std: Tensor,
    scale: Tensor | None = None,
    *,
    greedy: bool = False,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw continuous actions from independent normal distributions. No gradient is recorded.

    Args:
        means: (B, k) float32, in units of `scale`.
        log_std: (k,) float32: the logarithm of the spread, in the same units.
        scale: (k,) float32: half the range of each action, for example; None: 1.
        greedy: Take the mean.
        generator: Where the randomness comes from; None is torch's global one.

    Returns:
        Actions (B, k) float32 in the environment's units, and the logarithm (B,) of the density of each row.

    Raises:
        ValueError: A shape or dtype does not fit.
    """
    units = torch.ones_like(log_std) if scale is None else scale
    actions, log_probs = torch.empty(means.shape), torch.empty(len(means))
    spread, unit, key, rows = _array(log_std), _array(units), _key(generator), _array(means)
    _kernels.sample(_ALONE, rows, None, None, spread, unit, key, greedy, actions.numpy(), log_probs.numpy())
    return actions, log_probs


def estimate_advantages(
    rewards: Tensor,
    values: Tensor,
    last_value: Tensor,
    ends: Tensor,
    *,
    gamma: float,
    lam: float,
    final_values: Tensor | None = None,
    ratios: Tensor | None = None,
    rho_clip: float = 1.0,
    trace_clip: float = 1.0,
) -> Tensor:
    """Return how much better T actions of A agents were than expected: (T, A).

    Generalised advantage estimation (Schulman et al. 2016); with `ratios`, V-trace's clips (Espeholt et al. 2018).
    `puffer_train.algorithm.advantage` has the formulas.

    Args:
        rewards: (T, A) float32: those of each action.
        values: (T, A) float32: the value before each action.
        last_value: (A,) float32: the value after the last.
        ends: (T, A) bool: whether the action ended the episode, by a terminal or a truncation.
        gamma: Discount per step.
        lam: Lambda: 0 trusts the values, 1 the rewards.
        final_values: (T, A) float32: at an end, the value of what lies beyond: 0 after a terminal, the value of the
            true last observation after a truncation. None: 0 throughout.
        ratios: (T, A) float32: new to old probability of each action. None: 1.
        rho_clip: Most that a ratio weights an error.
        trace_clip: Most that a ratio carries an error back.

    Raises:
        ValueError: A shape or dtype does not fit.
    """
    final = torch.zeros_like(rewards) if final_values is None else final_values
    advantages = torch.empty_like(rewards, memory_format=torch.contiguous_format)
    _kernels.estimate_advantages(
        _ALONE,
        _array(rewards),
        _array(values),
        _array(last_value),
        _array(final),
        _array(ends),
        _array_or_none(ratios),
        advantages.numpy(),
        gamma,
        lam,
        rho_clip,
        trace_clip,
    )
    return advantages


class PPOLoss:
    """The loss of proximal policy optimisation (Schulman et al. 2017) of a `Recurrent` with encoder and head.

    It is that of `puffer-train`, `puffer_train.algorithm.loss.ppo_loss`. Forward pass, loss and backward pass run on a
    few sequences at a time, which stay in the cache. `Recurrent.forward` and a loss in torch give the same gradient,
    but send everything in between through memory.

    Example:
        >>> network = Recurrent(hidden=32, inputs=4, outputs=3)  # two choices and the value
        >>> ppo = PPOLoss(network, sizes=(2,), clip=0.2)
        >>> played = {name: torch.zeros(16, 8) for name in ("log_probs", "values", "advantages")}
        >>> played |= {"observations": torch.randn(16, 8, 4), "actions": torch.zeros(16, 8, 1, dtype=torch.int64)}
        >>> played |= {"ends": torch.zeros(16, 8, dtype=torch.bool), "first_state": network.initial_state(8)}
        >>> loss, figures = ppo(torch.arange(4), **played)
        >>> loss.backward()
    """

    def __init__(
        self,
        network: Recurrent,
        sizes: Sequence[int] | None = None,
        *,
        log_std: Tensor | None = None,
        clip: float = 0.2,
        value_clip: float = 10.0,
        value_coefficient: float = 0.5,
        entropy_coefficient: float = 0.01,
    ) -> None:
        """Take a network whose head has the outputs for actions and, behind them, the value.

        Args:
            network: With `inputs` and `outputs`.
            sizes: How many choices each number of a discrete action has, which sum to K, one less than `outputs`.
            log_std: (K,) float32, of continuous actions instead: the logarithm of the spread.
            clip: How far the probability ratio may be from 1.
            value_clip: How far a new value may be from the old one.
            value_coefficient: What the value's loss is multiplied with.
            entropy_coefficient: What the entropy is multiplied with.

        Raises:
            ValueError: The network has no encoder or no head, or its head does not fit the actions.
        """
        outputs, rows = network.options["outputs"], None if sizes is None else tuple(sizes)
        if network.encoder is None or outputs is None:
            raise ValueError("PPOLoss needs a network with an encoder and a head: set inputs and outputs")
        if (rows is None) == (log_std is None):
            raise ValueError("PPOLoss needs either sizes, of discrete actions, or log_std, of continuous ones")
        actions = sum(rows) if rows is not None else len(log_std)  # type: ignore[arg-type]
        if actions + 1 != outputs:
            raise ValueError(f"outputs must be {actions + 1}, for actions and value, are {outputs}")
        self.network, self.sizes, self.log_std = network, rows, log_std
        self.clip, self.value_clip = clip, value_clip
        self.value_coefficient, self.entropy_coefficient = value_coefficient, entropy_coefficient
        self._learner: Any = None
        self._unused = np.zeros((0, 0), np.float32)

    def __call__(
        self,
        agents: Tensor,
        *,
        observations: Tensor,
        first_state: Tensor,
        ends: Tensor,
        actions: Tensor,
        log_probs: Tensor,
        values: Tensor,
        advantages: Tensor,
        masks: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the mean loss over the sequences of some agents, and figures to report.

        Arrays are those of T steps of all A agents.

        Args:
            agents: (B,) int64: whose sequences, at most A.
            observations: (T, A, I) uint8, int8, int32 or float32.
            first_state: (L, A, S) float32: the state before the first step.
            ends: (T, A) bool: whether the action ended the episode. The state is reset after it.
            actions: (T, A, k) int64 for k numbers, or float32 where they are continuous.
            log_probs: (T, A) float32: what their log-probabilities were when they were drawn.
            values: (T, A) float32: the value before each action, as it was then.
            advantages: (T, A) float32. Those of the minibatch are brought to mean 0 and spread 1 for the policy's loss.
            masks: (T, A, K) bool: which choices were allowed. None: all.

        Returns:
            The loss, whose gradient with respect to the weights and `log_std` is known already, and by name
            `policy_loss`, `value_loss`, `entropy`, `approx_kl` and the others of `puffer-train`'s reports.

        Raises:
            ValueError: A shape or dtype does not fit, or an action is none of the choices.
        """
        if self.sizes is not None and actions.numel():
            known = actions.shape[-1] == len(self.sizes)
            if known and (int(actions.min()) < 0 or bool((actions.amax((0, 1)) >= torch.tensor(self.sizes)).any())):
                raise ValueError(f"actions must be from 0 to {[size - 1 for size in self.sizes]}")
        arrays = {
            "observations": observations.flatten(2) if observations.ndim > 3 else observations,
            "first_state": first_state,
            "ends": ends,
            "actions": actions,
            "log_probs": log_probs,
            "values": values,
            "advantages": advantages,
            "masks": masks,
        }
        played = {name: _array_or_none(array) for name, array in arrays.items()}
        network = self.network
        report: dict[str, float] = {}
        weights = network.encoder, network.core, network.head, self.log_std
        loss: Tensor = _PPO.apply(self, _array(agents), played, report, *weights)  # type: ignore[no-untyped-call]
        return loss, report

    def _rollout(self, played: dict[str, Any]) -> Any:
        """Return the kernels' rollout of these arrays, with a learner for their length and dtype."""
        options, number = self.network.options, str(played["observations"].dtype)
        horizon = len(played["ends"])
        if self._learner is None or (self._learner.horizon, self._learner.number) != (horizon, number):
            self._learner = _kernels.Learner(
                self.network._stack.workers,
                options["cell"],
                options["inputs"],
                options["hidden"],
                options["layers"],
                self.sizes,
                None if self.log_std is None else np.ones(len(self.log_std), np.float32),
                options["input_scale"],
                number,
                horizon,
            )
        if self._unused.shape != played["ends"].shape:
            self._unused = np.zeros(played["ends"].shape, np.float32)
        unused = dict.fromkeys(("ratios", "rewards", "final_values"), self._unused)
        return _kernels.Rollout(self._learner, played | unused | {"last_value": self._unused[0]})


class _PPO(torch.autograd.Function):
    """`PPOLoss`: fills in the report and returns the loss."""

    @staticmethod
    def forward(
        ctx: Any,
        ppo: PPOLoss,
        agents: NDArray[np.int64],
        played: dict[str, Any],
        report: dict[str, float],
        *weights: Tensor | None,
    ) -> Tensor:
        rollout = ppo._rollout(played)
        gradients = [None if w is None else torch.empty_like(w) for w in weights]
        ppo._learner.pack(_weights(*weights))
        _, figures = ppo._learner.gradient(
            rollout,
            agents,
            np.ones(len(agents), np.float32),
            _weights(*gradients),
            True,
            False,
            ppo.clip,
            ppo.value_clip,
            ppo.value_coefficient,
            ppo.entropy_coefficient,
        )
        report.update(zip(FIGURES, figures, strict=True))
        ctx.save_for_backward(*gradients)
        value, entropy = ppo.value_coefficient * report["value_loss"], ppo.entropy_coefficient * report["entropy"]
        return torch.tensor(report["policy_loss"] + value - entropy)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, by_loss: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, None, None, *(None if g is None else g * by_loss for g in ctx.saved_tensors)


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for weight matrices: Nesterov momentum, then the nearest orthogonal matrix.

    Every step moves a matrix of m rows and n columns by about lr * sqrt(max(1, m / n)) in all its directions, however
    small the gradient. Parameters of three dimensions are stacks of matrices. Use another optimizer for vectors.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.015,
        momentum: float = 0.87,
        weight_decay: float = 0.0,
        *,
        threads: int = 1,
    ) -> None:
        """Take parameters, or groups of them as torch's optimizers do.

        Args:
            params: float32 parameters of at least two dimensions; the last two are the matrix.
            lr: Step length.
            momentum: How much of the mean gradient each step keeps.
            weight_decay: Each step shrinks weights by this times lr.
            threads: How many matrices are stepped at the same time.

        Raises:
            ValueError: A parameter is no matrix of float32 on the processor.
        """
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._workers = _kernels.Workers(threads)
        self._steppers: dict[tuple[int, ...], tuple[Any, list[Tensor]]] = {}
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim < 2 or p.dtype != torch.float32 or p.device.type != "cpu" or not p.is_contiguous():
                    raise ValueError(
                        f"Muon got {p.dtype} of shape {tuple(p.shape)}: it steps float32 matrices in memory."
                    )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every parameter that has a gradient. Returns what the closure returns, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            if not moved:
                continue
            stepper, gradients = self._stepper(moved)
            for gradient, p in zip(gradients, moved, strict=True):
                gradient.copy_(p.grad)
            stepper.step(group["lr"], group["momentum"], 1.0, group["lr"] * group["weight_decay"])
            torch.autograd.graph.increment_version(moved)  # torch did not see the change
        return loss

    def _stepper(self, moved: list[Tensor]) -> tuple[Any, list[Tensor]]:
        """Return the kernel that steps these parameters, and where it reads their gradients."""
        for p in moved:
            if "average" not in self.state[p]:
                self.state[p]["average"] = torch.zeros_like(p)
        averages = [self.state[p]["average"] for p in moved]
        places = tuple(x.data_ptr() for x in (*moved, *averages))
        if places not in self._steppers:
            gradients = [torch.zeros_like(p) for p in moved]
            matrices: list[Any] = []
            for whole in zip(moved, gradients, averages, strict=True):
                matrices += zip(*(x.detach().view(-1, *x.shape[-2:]).numpy() for x in whole), strict=True)
            self._steppers = {places: (_kernels.Muon(self._workers, matrices), gradients)}
        return self._steppers[places]


_ALONE = _kernels.Workers(1)


def _key(generator: torch.Generator | None) -> int:
    """Draw what stands for the randomness of one call."""
    return int(torch.randint(MAX_KEY, (1,), generator=generator))


def _array(tensor: Tensor) -> NDArray[Any]:
    """Return the numbers, contiguous, where they lie if they are."""
    return tensor.detach().contiguous().numpy()


def _array_or_none(tensor: Tensor | None) -> NDArray[Any] | None:
    return None if tensor is None else _array(tensor)


def _weights(*weights: Tensor | None) -> tuple[NDArray[np.float32] | None, ...]:
    return tuple(_array_or_none(weight) for weight in weights)
