"""The weights of a C file: those of a policy file, scaled and perhaps rounded to int16 or int8."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import CELL_SHAPES, PolicyInfo
from puffer_envs.contract.tensor_file import Floats
from puffer_train.errors import ConfigError
from puffer_train.storage.c_file.codes import CodeTable, columns
from puffer_train.storage.c_file.fronts import Front, fronts_of
from puffer_train.storage.c_file.matrix import Matrix


@dataclass(frozen=True)
class Weights:
    """All that a C file computes with. The rows of the value are left out."""

    info: PolicyInfo
    kind: str
    """One of `LARGEST`."""
    encoder: Matrix
    """(H, N + F): of the numbers, with their scale unless they are normalised, then of the features of convolutions. Of
    named observations, only the amounts are such numbers."""
    cores: list[Matrix]
    """One (G, F) for each layer."""
    head: Matrix
    """(K, H)."""
    mean: Floats | None
    """(O,), of normalised observations."""
    scale: Floats | None
    """(O,), of normalised observations."""
    std: Floats | None
    """(K,), of continuous actions."""
    table: CodeTable | None = None
    """What the codes of named observations add."""
    fronts: list[Front] = field(default_factory=list)
    """What goes through convolutions."""

    @classmethod
    def of(cls, file: PolicyFile, kind: str = "float32") -> Weights:
        """Take and store the weights of a policy file.

        Raises:
            ConfigError: C files cannot hold such a policy.
        """
        info, tensors = file.info, file.tensors
        _check(info)
        encoder, scale, mean = tensors["encoder.weight"], tensors["input_scale"], tensors.get("input_mean")
        flat, fronts = encoder[:, : info.inputs], fronts_of(info, tensors, kind)
        features = encoder[:, info.inputs :][:, _features_order(fronts)]
        matrix, table = flat if info.normalized else flat * scale, None
        if info.flat_fields:
            table, amounts = CodeTable.of(flat * scale, info), columns(info)[0]
            matrix = matrix[:, amounts]
            mean, scale = (None if mean is None else mean[amounts]), scale[amounts]
        numbers = matrix.shape[1] + features.shape[1]
        rows = np.zeros((len(encoder), 0), np.float32) if table is None else table.rows.T
        stored = Matrix.of(np.concatenate([matrix, features, rows], axis=1), kind)  # with one scale for all
        if table is not None:
            table = table.stored(stored.numbers[:, numbers:].T)
            stored = replace(stored, numbers=stored.numbers[:, :numbers])
        return cls(
            info,
            kind,
            stored,
            [Matrix.of(tensors[f"core.{layer}.weight"], kind) for layer in range(info.layers)],
            Matrix.of(tensors["head.weight"][: info.head_rows], kind),
            mean,
            scale if info.normalized else None,
            np.exp(tensors["log_std"]) if info.action_kind == "box" else None,
            table,
            fronts,
        )

    @property
    def as_policy(self) -> PolicyFile:
        """A policy file with these weights, which scales nothing that is not normalised."""
        tensors = {f"core.{layer}.weight": core.values for layer, core in enumerate(self.cores)}
        tensors["head.weight"] = np.pad(self.head.values, ((0, self.info.value_rows), (0, 0)))
        for front in self.fronts:
            tensors |= front.tensors
        numbers = self.num_numbers
        features = self.encoder.values[:, numbers:][:, np.argsort(_features_order(self.fronts))]
        flat = {"encoder.weight": self.encoder.values[:, :numbers]}
        flat["input_scale"] = np.ones(self.info.inputs, np.float32) if self.scale is None else self.scale
        if self.mean is not None:
            flat["input_mean"] = self.mean
        if self.table is not None:
            flat |= self._with_codes(flat)
        flat["encoder.weight"] = np.concatenate([flat["encoder.weight"], features], axis=1)
        if self.std is not None:
            tensors["log_std"] = np.log(self.std)
        return PolicyFile(self.info, flat | tensors)

    def _with_codes(self, tensors: dict[str, Floats]) -> dict[str, Floats]:
        """Return the tensors of the flat inputs with the columns of codes among those of amounts."""
        assert self.table is not None
        amounts, codes = columns(self.info)
        found = {}
        for name in tensors.keys() & {"input_scale", "input_mean"}:
            found[name] = np.ones(self.info.inputs, np.float32)
            found[name][amounts] = tensors[name][: len(amounts)]
        encoder = np.zeros((self.info.hidden, self.info.inputs), np.float32)
        encoder[:, amounts] = tensors["encoder.weight"]
        encoder[:, codes] = self.table.as_columns(self.encoder.scales)
        return found | {"encoder.weight": encoder}

    @property
    def num_numbers(self) -> int:
        """How many inputs of the encoder are numbers of the observation, N."""
        return int(self.encoder.numbers.shape[1]) - sum(front.encoder.features for front in self.fronts)

    @property
    def convolutions(self) -> list[Matrix]:
        """Those of all fronts, in the order in which they are used."""
        return [matrix for front in self.fronts for matrix in front.matrices]

    @property
    def matrices(self) -> list[Matrix]:
        """All others, in the order in which they are used."""
        return [self.encoder, *self.cores, self.head]

    @property
    def unit_state(self) -> int:
        """S, what a layer remembers."""
        return CELL_SHAPES[self.info.cell].state * self.info.hidden


def _features_order(fronts: list[Front]) -> NDArray[np.int64]:
    """Where the features of the C file are among those of a policy file."""
    orders, first = [np.zeros(0, np.int64)], 0
    for front in fronts:
        orders.append(first + front.order)
        first += front.encoder.features
    return np.concatenate(orders)


def _check(info: PolicyInfo) -> None:
    """Raise `ConfigError` for a policy that C files cannot hold."""
    if info.network is not None:
        raise ConfigError(
            f"the policy has a network of its own, {info.network.name}: C files hold only ours. Export it as .onnx."
        )
