"""The policy file: a trained policy as one safetensors file that NumPy alone can run. See docs/policy-file.md."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from puffer_envs.contract.files import write_atomically
from puffer_envs.contract.policy_info import NETWORK_TENSOR, PolicyError, PolicyInfo, read_info
from puffer_envs.contract.tensor_file import STORED, Floats, TensorFileError, body_of, pack, unpack

FORMAT = "puffer-policy-1"
"""Changes with the meaning of anything in the file."""

WEIGHT = ".weight"
"""Ends the names of tensors that may be stored as float16."""

POLICIES = ("policy.safetensors", "newest.safetensors")
"""What a run's folder calls its policy, and the one of a run that has not ended."""

REPLAY_START = b"PUFFER REPLAY"
"""Of every replay, whatever its version; the recorder writes the version behind it."""


def find_policy(path: str | Path) -> Path:
    """Return the path of a policy file: of a run's folder, its policy; any other path is returned as it is.

    Raises:
        PolicyError: It is a folder without a policy.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    for name in POLICIES:
        if (path / name).is_file():
            return path / name
    raise PolicyError(f"{path} is a folder with neither {' nor '.join(POLICIES)}: name the folder of a run.")


@dataclass(frozen=True)
class PolicyFile:
    """What a policy file holds."""

    info: PolicyInfo
    """What it says about itself."""
    tensors: dict[str, Floats]
    """`info.tensor_shapes` by name, and those of a network of the user's own; float32, finite; continuous actions in
    the environment's units."""
    weights: Literal["float32", "float16"] = "float32"
    """What a file stores weights as: float16 takes half the space. Scales, means and deviations stay float32."""

    @classmethod
    def read(cls, path: str | Path) -> PolicyFile:
        """Read a policy file and check all of it.

        Raises:
            PolicyError: it is missing, damaged, of another format, or holds other tensors than its metadata promises.
        """
        try:
            data = Path(path).read_bytes()
            if data.startswith(REPLAY_START):
                raise PolicyError("it is a replay, and holds no policy.")
            return cls._parse(data)
        except FileNotFoundError:
            raise PolicyError(f"{path}: no such file.") from None
        except OSError as error:
            raise PolicyError(f"{path}: cannot be read ({error.strerror or error}).") from None
        except TensorFileError as error:
            raise PolicyError(f"{path}: not a policy file, or a damaged one ({error}).") from None
        except PolicyError as error:
            raise PolicyError(f"{path}: {error}") from None

    @classmethod
    def _parse(cls, data: bytes) -> PolicyFile:
        metadata, found, body = unpack(data)
        if metadata.get("format") != FORMAT:
            raise PolicyError(f"its format is {metadata.get('format')!r}; this version reads {FORMAT!r}.")
        about = metadata.get("policy", "")
        if _checksum(about, body) != metadata.get("sha256"):
            raise PolicyError("it is damaged: its checksum does not match.")
        try:
            info = read_info(json.loads(about))
        except (ValueError, RecursionError):
            raise PolicyError("its 'policy' metadata is not JSON.") from None
        shapes = info.tensor_shapes
        if info.network is not None:
            shapes |= {name: found[name][1] for name in sorted(found) if name.startswith(NETWORK_TENSOR)}
        if found.keys() != shapes.keys():
            missing, extra = sorted(shapes.keys() - found.keys()), sorted(found.keys() - shapes.keys())
            raise PolicyError(f"its tensors do not fit its metadata (missing: {missing[:4]}, unexpected: {extra[:4]}).")
        tensors = {}
        for name, shape in shapes.items():
            dtype, size, memory = found[name]
            expected = ("F32", "F16") if name.endswith(WEIGHT) else ("F32",)
            if size != shape or dtype not in expected:
                raise PolicyError(f"tensor {name!r} is {dtype} {size}, expected {' or '.join(expected)} {shape}.")
            tensors[name] = np.frombuffer(memory, STORED[dtype]).astype(np.float32).reshape(shape)
        _check_finite(tensors)
        return cls(info, tensors, "float16" if any(found[name][0] == "F16" for name in tensors) else "float32")

    def write(self, path: str | Path) -> None:
        """Write the file, whole or not at all; one policy gives the same bytes every time.

        Raises:
            PolicyError: a weight is not finite, or too large for float16; or the metadata cannot be stored.
            OSError: the file cannot be written.
        """
        tensors = self._as_stored()
        _check_finite(tensors)
        about = self.info.as_json()
        read_info(about)  # nothing is written that could not be read
        text = json.dumps(about)
        checksum = _checksum(text, body_of(tensors))
        write_atomically(Path(path), pack({"format": FORMAT, "policy": text, "sha256": checksum}, tensors))

    def rounded(self, bits: int) -> PolicyFile:
        """The same policy with weights that a zip makes smaller: multiples of a power of two, one for each tensor.

        A weight as large as the tensor's root mean square keeps so many significant bits, smaller ones keep fewer: what
        is lost is the same for all, as in whole numbers.
        """

        def nearest(tensor: Floats) -> Floats:
            exact = tensor.astype(np.float64)
            step = np.ldexp(1.0, int(np.frexp(np.sqrt(np.mean(exact**2)))[1]) - bits)
            rounded: Floats = (np.rint(exact / step) * step).astype(np.float32)
            return rounded

        return replace(self, tensors={n: nearest(t) if n.endswith(WEIGHT) else t for n, t in self.tensors.items()})

    def _as_stored(self) -> dict[str, Floats]:
        if self.weights == "float32":
            return self.tensors
        with np.errstate(over="ignore"):  # infinity is refused by name
            return {
                name: tensor.astype(np.float16) if name.endswith(WEIGHT) else tensor
                for name, tensor in self.tensors.items()
            }


def _checksum(about: str, body: bytes | memoryview) -> str:
    """SHA-256 of the metadata `policy`, followed by the bytes behind the header."""
    digest = hashlib.sha256(about.encode())
    digest.update(body)
    return digest.hexdigest()


def _check_finite(tensors: dict[str, Floats]) -> None:
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise PolicyError(f"tensor {name!r} holds NaN or infinity, as {tensor.dtype}.")
