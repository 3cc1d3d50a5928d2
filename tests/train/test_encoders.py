"""Which encoder reads what, and what convolutions find in known patterns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import tiny_environments as tiny
import torch
from gymnasium.spaces import Box, Discrete
from torch import Tensor

from puffer_envs.contract.actions import ActionSpec
from puffer_envs.contract.planes import PLANE_KINDS
from puffer_train.config import EncoderKind, PolicySettings
from puffer_train.contract import EnvironmentSpec, describe
from puffer_train.errors import ConfigError, ContractError
from puffer_train.policy import Policy
from puffer_train.policy.encoders import (
    Convolutions,
    GridPlanes,
    ImagePlanes,
    choose_encoder,
    plane_encoder,
    whole,
)
from puffer_train.policy.identity import settings_of


class Seen(tiny.VectorEnvironment):
    """Shows nothing; only its spaces matter."""

    def __init__(self, space: Box) -> None:
        super().__init__(space, Discrete(3), 2, 0)


def spec_of(shape: tuple[int, ...], dtype: Any = np.uint8, low: Any = 0, high: Any = 255) -> EnvironmentSpec:
    return describe(Seen(Box(low, high, shape, dtype)))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize(
    ("shape", "dtype", "chosen"),
    [
        ((84, 84, 4), np.uint8, "image"),
        ((3, 64, 96), np.uint8, "image"),
        ((36, 36, 1), np.uint8, "image"),
        ((35, 84, 4), np.uint8, "flat"),
        ((84, 84), np.uint8, "image"),
        ((84, 35), np.uint8, "flat"),
        ((84, 84, 4), np.int8, "flat"),
        ((84, 84, 4), np.float32, "flat"),
        ((11, 11), np.uint8, "flat"),
        ((4,), np.float32, "flat"),
    ],
)
def test_auto_takes_what_is_clearly_an_image(shape: tuple[int, ...], dtype: Any, chosen: str) -> None:
    spec = spec_of(shape, dtype, 0, 100)
    assert choose_encoder(spec, "auto") == chosen
    policy = Policy(spec, PolicySettings(4, 1), generator())
    assert policy.settings.encoder == policy.identity()["encoder"] == chosen


def test_small_convolutions_are_known_again_from_a_policy() -> None:
    """Each pixel of 96 by 96 is read once: 12 by 12 places, then 3 by 3."""
    policy = Policy(spec_of((96, 96, 3)), PolicySettings(4, 1, image="small"), generator())
    assert policy.front is not None and policy.front.features == 16 * 3 * 3
    again = settings_of(json.loads(json.dumps(policy.identity())), Path("policy"))
    assert (again.image, again.encoder) == ("small", "image")
    large = Policy(spec_of((96, 96, 3)), PolicySettings(4, 1), generator())
    assert settings_of(large.identity(), Path("policy")).image == "large"


REFUSED: list[tuple[EncoderKind, EnvironmentSpec, str]] = [
    ("image", spec_of((4,), np.float32, -1, 1), r"reads uint8 of shape .* observations are float32 of shape \(4,\)"),
    ("image", spec_of((20, 84, 30)), r"h and w at least 36, but these observations are uint8 of shape \(20, 84, 30\)"),
    ("image", describe(tiny.Signpost(2)), "these observations are rows of named fields"),
    ("grid", describe(tiny.Signpost(2)), "these observations are rows of named fields"),
    ("grid", spec_of((5, 5), np.float32), "reads uint8 or int8"),
    ("grid", spec_of((25,), np.uint8, 0, 3), r"\(h, w\) or \(h, w, c\), but these observations are uint8 of shape"),
    ("grid", spec_of((5, 5)), "at most 64 values, but these observations may hold 0 to 255: narrow the bounds"),
]


@pytest.mark.parametrize(("wanted", "spec", "message"), REFUSED)
def test_a_wrong_choice_is_one_sentence(wanted: EncoderKind, spec: EnvironmentSpec, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Policy(spec, PolicySettings(4, 1, encoder=wanted), generator())
    assert str(caught.value).startswith(f"policy.encoder {wanted!r}") and "\n" not in str(caught.value)


def test_every_encoder_is_covered() -> None:
    assert set(get_args(EncoderKind)) == {"auto", "flat", "fields", *PLANE_KINDS}


def test_ranges_of_observations_are_described() -> None:
    assert spec_of((3, 3), np.int8, -4, 4).observation_range == (-4, 4)
    low = np.array([[0, 2], [1, 3]], np.uint8)
    assert describe(Seen(Box(low, low + 3, dtype=np.uint8))).observation_range == (0, 6)
    assert spec_of((3, 3), np.float32).observation_range is None
    assert spec_of((0,)).observation_range is None
    assert describe(tiny.Signpost(2)).observation_range is None


def test_a_grid_becomes_a_plane_per_value_of_each_channel() -> None:
    planes = GridPlanes(plane_encoder(whole(spec_of((2, 3, 2), np.int8, -1, 2)), "grid"))
    grid = torch.tensor([[[-1, 0], [1, 1], [2, 2]], [[0, -1], [0, 0], [1, 2]]], dtype=torch.int8)
    found = planes(grid.unsqueeze(0))
    assert found.shape == (1, 8, 2, 3)
    for row in range(2):
        for column in range(3):
            for channel in range(2):
                cell = int(grid[row, column, channel])
                one_hot = found[0, 4 * channel : 4 * channel + 4, row, column]
                assert one_hot.int().tolist() == [int(cell == value) for value in (-1, 0, 1, 2)]
    flat = GridPlanes(plane_encoder(whole(spec_of((2, 3), np.int8, -1, 2)), "grid"))
    assert torch.equal(flat(grid[None, :, :, 0]), found[:, :4])
    scale = Convolutions(whole(spec_of((2, 3), np.int8, -1, 2)), "grid", generator()).scale
    assert scale == 2, "the root of four values"


@pytest.mark.parametrize(("low", "high"), [(64, 127), (-128, -65), (-4, 4)])
def test_grids_reach_the_ends_of_their_type(low: int, high: int) -> None:
    planes = GridPlanes(plane_encoder(whole(spec_of((1, 2), np.int8, low, high)), "grid"))
    found = planes(torch.tensor([[[low, high]]], dtype=torch.int8))
    assert found[0, 0, 0].tolist() == [True, False] and found[0, -1, 0].tolist() == [False, True]
    assert found.sum() == 2


def test_a_cell_outside_its_range_is_refused() -> None:
    policy = Policy(spec_of((3, 3), np.int8, -4, 4), PolicySettings(4, 1, encoder="grid"), generator())
    grids = torch.zeros(2, 3, 3, dtype=torch.int8)
    grids[1, 2, 0] = 5
    with pytest.raises(ContractError, match="an observation holds 5, but its space allows -4 to 4 only"):
        policy.step(grids, policy.initial_state(2))


@pytest.mark.parametrize("shape", [(40, 48, 3), (3, 40, 48), (40, 48)])
def test_images_become_planes_of_channels(shape: tuple[int, ...]) -> None:
    image = torch.randint(0, 256, (2, *shape), dtype=torch.uint8, generator=generator())
    planes = ImagePlanes(plane_encoder(whole(spec_of(shape)), "image"))
    found = planes(image)
    assert found.shape == (2, 1 if len(shape) == 2 else 3, 40, 48)
    channels_last = image.unsqueeze(-1) if len(shape) == 2 else image.movedim(1, -1) if shape[0] == 3 else image
    for channel in range(found.shape[1]):
        assert torch.equal(found[:, channel], channels_last[..., channel])
    assert Convolutions(whole(spec_of(shape)), "image", generator()).scale == pytest.approx(1 / 255)


def test_a_grid_kernel_finds_its_pattern() -> None:
    """A kernel that wants food (2) in the middle and a wall (1) above it answers exactly there."""
    spec = spec_of((4, 5), np.uint8, 0, 2)
    encoder = Convolutions(whole(spec), "grid", generator())
    kernels = torch.zeros(16, 3, 3, 3)
    kernels[0, 2, 1, 1] = kernels[0, 1, 0, 1] = 1.0  # value, row, column
    with torch.no_grad():
        encoder.weights[0].copy_(kernels.flatten(1))
        encoder.scale.fill_(1.0)
    grid = torch.zeros(1, 4, 5, dtype=torch.uint8)
    grid[0, 2, 3], grid[0, 1, 3] = 2, 1
    grid[0, 0, 0] = 2
    answers = encoder(grid).view(16, 4, 5)
    wanted = torch.zeros(4, 5)
    wanted[2, 3], wanted[0, 0] = 2, 1
    assert torch.equal(answers[0], wanted), "both parts; and the middle alone at the border, beyond which is nothing"
    assert answers[1:].abs().max() == 0


def by_hand(image: Tensor, weights: list[Tensor], kernels: list[tuple[int, int]]) -> Tensor:
    """Convolutions (kernel, stride) with ReLU, one multiplication per place, in double precision."""
    x = image.double()
    for weight, (kernel, stride) in zip(weights, kernels, strict=True):
        sides = [(side - kernel) // stride + 1 for side in x.shape[1:]]
        out = torch.zeros(len(weight), *sides, dtype=torch.float64)
        for row in range(sides[0]):
            for column in range(sides[1]):
                top, left = row * stride, column * stride
                seen = x[:, top : top + kernel, left : left + kernel].flatten()
                out[:, row, column] = (weight.double() @ seen).clamp(min=0)
        x = out
    return x.flatten()


@pytest.mark.parametrize("shape", [(36, 40, 3), (3, 36, 40)])
def test_image_convolutions_equal_those_by_hand(shape: tuple[int, ...]) -> None:
    encoder = Convolutions(whole(spec_of(shape)), "image", generator())
    image = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator())
    scaled = (image if shape[0] == 3 else image.movedim(-1, 0)) / 255
    wanted = by_hand(scaled, [w.detach() for w in encoder.weights], [(8, 4), (4, 2), (3, 1)])
    found = encoder(image.view(1, 1, *shape))
    assert found.shape == (1, 1, encoder.features) and wanted.abs().max() > 0.1
    torch.testing.assert_close(found[0, 0].double(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("encoder", list(PLANE_KINDS))
def test_first_weights_keep_the_size_of_signals(encoder: str) -> None:
    spec = spec_of((40, 40, 3), np.uint8, 0, 15)
    convolutions = Convolutions(whole(spec), encoder, generator())
    seen = torch.randint(0, 16, (64, 40, 40, 3), dtype=torch.uint8, generator=generator())
    size = convolutions(seen).square().mean()
    assert 0.1 < size < 10


@pytest.mark.parametrize("encoder", list(PLANE_KINDS))
def test_all_weights_learn(encoder: EncoderKind) -> None:
    spec = spec_of((36, 36, 2), np.uint8, 0, 7)
    policy = Policy(spec, PolicySettings(8, 1, encoder=encoder), generator())
    seen = torch.randint(0, 8, (2, 3, 36, 36, 2), dtype=torch.uint8, generator=generator())
    policy(seen, policy.initial_state(3)).sum().backward()
    for name, parameter in policy.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
        wanted = 3 if name == "core" else 1 if "planes" in name else 2
        assert parameter.ndim == wanted, "what Muon steps"


def test_a_grid_away_from_the_processor_turns_to_nan_instead() -> None:
    """torch's meta device computes nothing, so the other branch is read off its types: planes of floats."""
    planes = GridPlanes(plane_encoder(whole(spec_of((3, 3), np.int8, -4, 4)), "grid"))
    grid = torch.zeros(2, 3, 3, dtype=torch.int8)
    assert planes(grid.to("meta")).dtype == torch.float32
    assert planes(grid).dtype == torch.bool


ACTION = ActionSpec("discrete", (3,), ())


def test_matrices_that_rows_are_multiplied_with() -> None:
    flat = Policy(EnvironmentSpec(2, 2, (7,), "float32", (1.0,) * 7, ACTION), PolicySettings(8, 2), generator())
    assert flat.products() == [(7, 8), (8, 24), (8, 4)]
    settings = PolicySettings(8, 2, "lstm", "grid", "distribution")
    grid = Policy(spec_of((4, 5), np.uint8, 0, 2), settings, generator())
    assert grid.products() == [(27, 16), (320, 8), (16, 32), (8, 66)]
