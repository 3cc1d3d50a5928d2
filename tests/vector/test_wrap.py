"""What is done to other people's environments: stacks, pictures, repeated actions, lives, leaves left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from puffer_envs import vector
from puffer_envs.adapters.from_gymnasium import GymnasiumBlock
from puffer_envs.adapters.pictures import Resize
from puffer_envs.contract.observations import named_observations
from puffer_envs.contract.wrap import Wrap
from tests.vector.sample_envs import Sampler, Walk


def block_of(make_env: Callable[[], Any], num_envs: int = 1, training: bool = False, **words: Any) -> GymnasiumBlock:
    block = GymnasiumBlock(make_env, num_envs, 0, 0, Wrap.of(words), training)
    block.attach(block.layout.carve(np.full(block.layout.size(num_envs), 255, np.uint8), num_envs))
    return block


def run(block: GymnasiumBlock, actions: list[Any]) -> list[dict[str, Any]]:
    """Copies of all buffers after the reset and after each step."""
    block.reset(0)
    buffers = block._buffers
    seen = [{name: array.copy() for name, array in buffers.items()}]
    for action in actions:
        buffers["actions"][:] = action
        block.step()
        seen.append({name: array.copy() for name, array in buffers.items()})
    return seen


class Counter(gymnasium.Env[Any, Any]):
    """Shows the number of its frame in any space's form; loses a life every 5 frames, and ends with the third."""

    def __init__(self, space: Any = None, lives: int = 3) -> None:
        self.observation_space = spaces.Box(0, 255, (2,), np.float32) if space is None else space
        self.action_space = spaces.Discrete(3)
        self.all_lives = lives
        self.taken: list[int] = []
        self.resets = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.frame, self.resets = 0, self.resets + 1
        return self._look(), {"lives": self.all_lives}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.taken.append(int(action))
        self.frame += 1
        lives = self.all_lives - self.frame // 5
        return self._look(), 1.0, lives == 0, False, {"lives": lives}

    def _look(self) -> Any:
        return np.full(self.observation_space.shape, self.frame, self.observation_space.dtype)


def test_stacked_vectors_and_the_last_observation() -> None:
    seen = run(block_of(lambda: Counter(lives=1), stack=3), [0] * 6)
    shown = [moment["observations"][0, ::2].tolist() for moment in seen]
    assert shown == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [0, 0, 0], [0, 0, 1]]
    assert seen[5]["terminals"][0] and seen[5]["final_observations"][0].tolist() == [3, 3, 4, 4, 5, 5]


@pytest.mark.parametrize(
    ("space", "shape"),
    [
        (spaces.Box(0, 255, (40, 36), np.uint8), (3, 40, 36)),
        (spaces.Box(0, 255, (40, 36, 3), np.uint8), (40, 36, 9)),
        (spaces.Box(0, 9, (5, 4), np.int8), (5, 12)),
        (spaces.Box(-1, 1, (), np.float32), (3,)),
    ],
)
def test_shapes_of_stacks(space: Any, shape: tuple[int, ...]) -> None:
    block = block_of(lambda: Sampler(space, length=99), stack=3)
    assert block.layout.single_observation_space.shape == shape
    seen = run(block, [0] * 4)
    shown = block.envs[0].shown
    joined = np.stack(shown[-3:]) if shape[0] == 3 else np.concatenate(shown[-3:], axis=-1)
    np.testing.assert_array_equal(seen[-1]["observations"][0], joined)


def test_stacks_of_nested_observations() -> None:
    space = spaces.Dict(
        {
            "eye": spaces.Box(0, 255, (2, 2, 3), np.uint8),
            "at": spaces.Tuple([spaces.Discrete(9, start=3), spaces.MultiDiscrete([2, 3])]),
            "flags": spaces.MultiBinary(2),
        }
    )
    block = block_of(lambda: Sampler(space, length=99), stack=2)
    fields = block.layout.observation_fields
    assert fields is not None
    seen = run(block, [0, 0])
    named = named_observations(seen[-1]["observations"], fields)
    before, now = block.envs[0].shown[-2:]
    np.testing.assert_array_equal(named["eye"][0], np.concatenate([before["eye"], now["eye"]], -1))
    assert named["at.0"][0].tolist() == [before["at"][0] - 3, now["at"][0] - 3]
    assert named["at.1"][0].tolist() == [*before["at"][1], *now["at"][1]]
    assert named["flags"][0].tolist() == [*before["flags"], *now["flags"]]


def test_gray_and_small_pictures() -> None:
    space = spaces.Box(0, 255, (12, 8, 3), np.uint8)
    block = block_of(lambda: Sampler(space, length=99), gray=True, size=[6, 4], stack=2)
    assert block.layout.single_observation_space.shape == (6, 8)  # too small to be taken for a picture
    seen = run(block, [0])
    gray = np.rint(block.envs[0].shown[-1] @ np.float32([0.299, 0.587, 0.114]))
    means = gray.reshape(6, 2, 4, 2).mean(axis=(1, 3))
    assert np.abs(seen[-1]["observations"][0][:, 4:] - means).max() <= 0.5


def test_resized_pictures_keep_their_mean_and_their_constants() -> None:
    rng = np.random.default_rng(0)
    for size, new in (((210, 160), (84, 84)), ((7, 5), (3, 4)), ((4, 4), (9, 8))):
        resize = Resize(size, new)
        assert (resize(np.full(size, 77, np.uint8)) == 77).all()
        picture = rng.integers(0, 256, size, np.uint8)
        assert abs(float(resize(picture).mean()) - picture.mean()) < 0.6
        color = rng.integers(0, 256, (*size, 3), np.uint8)
        np.testing.assert_array_equal(resize(color)[..., 1], resize(color[..., 1]))


def test_repeated_actions() -> None:
    block = block_of(lambda: Counter(lives=1), frameskip=3)
    seen = run(block, [1, 2, 0])
    assert [moment["rewards"][0] for moment in seen] == [0, 3, 2, 3]
    assert block.envs[0].env.taken == [1, 1, 1, 2, 2, 0, 0, 0]
    assert seen[2]["terminals"][0] and seen[2]["final_observations"][0, 0] == 5


def test_the_brighter_of_the_last_two_frames() -> None:
    class Flicker(Counter):
        def _look(self) -> Any:
            picture = super()._look()
            picture[self.frame % 2] = 0
            return picture

    block = block_of(lambda: Flicker(spaces.Box(0, 255, (2, 40), np.uint8)), frameskip=4, pool=True)
    assert run(block, [0])[-1]["observations"][0, :, 0].tolist() == [3, 4]
    with pytest.raises(
        ValueError, match=r"wrap.pool is for pictures, and observations are Box.*float32.*: leave it out"
    ):
        block_of(Counter, pool=True)


def test_no_ops_at_the_start() -> None:
    starts = set()
    for seed in range(12):
        block = block_of(Counter, noops=3)
        block.reset(seed)
        starts.add(int(block._buffers["observations"][0, 0]))
    assert starts == {1, 2, 3}


def test_a_lost_life_ends_an_episode_only_in_training() -> None:
    playing = block_of(Counter, frameskip=2, lives=True)
    assert sum(moment["terminals"][0] for moment in run(playing, [0] * 8)) == 1
    training = block_of(Counter, training=True, frameskip=2, lives=True, stack=2)
    seen = run(training, [0] * 8)
    assert [at for at, moment in enumerate(seen) if moment["terminals"][0]] == [3, 5, 8]
    assert seen[3]["observations"][0].tolist() == [6, 6, 6, 6], "the game continues"
    assert seen[8]["observations"][0].tolist() == [0, 0, 0, 0], "a new game"
    assert training.envs[0].env.resets == 2
    log = training.log(None)
    assert (log["n"], log["score"], log["episode_length"]) == (1, 15.0, 8), "a game, not its three lives"


@pytest.mark.parametrize("kind", ["text", "sequence"])
def test_leaves_of_no_fixed_size_are_left_out(kind: str) -> None:
    odd = spaces.Text(9) if kind == "text" else spaces.Sequence(spaces.Discrete(2))
    space = spaces.Dict({"cell": spaces.Discrete(5), "odd": odd})
    block = block_of(lambda: Sampler(space))
    (note,) = block.layout.notes
    assert note.startswith("observation 'odd' is left out: it is a ") and note.count("--wrap.drop odd") == 1
    assert [field.name for field in block.layout.observation_fields or ()] == ["cell"]
    run(block, [0] * 4)
    asked = block_of(lambda: Sampler(space), drop="odd")
    assert asked.layout.notes == ()


def test_leaves_are_left_out_by_name() -> None:
    space = spaces.Tuple([spaces.Discrete(5), spaces.Dict({"a": spaces.Box(0, 1, (2,)), "b": spaces.Discrete(2)})])
    block = block_of(lambda: Sampler(space), drop=["0", "1.b"])
    assert [field.name for field in block.layout.observation_fields or ()] == ["1.a"]
    run(block, [0] * 4)
    with pytest.raises(ValueError, match=r"wrap.drop names '1.c', and the observations are '0', '1.a', '1.b'"):
        block_of(lambda: Sampler(space), drop="1.c")
    with pytest.raises(ValueError, match=r"nothing is left of the observations"):
        block_of(lambda: Sampler(space), drop="0,1")


@pytest.mark.parametrize(
    ("space", "advice"),
    [
        (spaces.Text(9), "the observation space is a Text, .* write a wrapper that turns the text into numbers"),
        (spaces.Sequence(spaces.Discrete(2)), "is a Sequence, .* shows a Box of a fixed length"),
        (spaces.Graph(spaces.Discrete(2), None), "is a Graph, .* shows its nodes as a Box of a fixed size"),
    ],
)
def test_spaces_that_cannot_be_read(space: Any, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        block_of(lambda: Sampler(space))


def test_integers_that_are_kinds() -> None:
    space = spaces.Dict({"image": spaces.Box(0, 255, (2, 2, 3), np.uint8)})

    class Cells(Sampler):
        def _observe(self) -> Any:
            return {"image": super()._observe()["image"] % np.array([11, 6, 4], np.uint8)}

    block = block_of(lambda: Cells(space), choices={"image": [11, 6, 4]})
    (field,) = block.layout.observation_fields or ()
    assert isinstance(field.space, spaces.MultiDiscrete) and field.space.nvec[1, 1].tolist() == [11, 6, 4]
    run(block, [0] * 4)
    with pytest.raises(ValueError, match=r"wrap.choices.image is \[2, 3\], for Box.*one number, or one for each"):
        block_of(lambda: Cells(space), choices={"image": [2, 3]})
    with pytest.raises(ValueError, match=r"part 'image' of the observation is .*requires integers"):
        run(block_of(lambda: Sampler(space), choices={"image": 2}), [0])


def mask_of(action: int) -> Any:
    return np.array([1, 0, 1, 1, action % 2], np.int8)


class Masked(Sampler):
    """Two parts of two and three choices; the mask changes with the time."""

    def __init__(self, form: str) -> None:
        super().__init__(spaces.Box(0, 1, (3,), np.float32), length=4)
        self.form, self.time, self.ticks = form, 0, 0
        self.action_space = spaces.MultiDiscrete([2, 3]) if form != "Dict" else spaces.Dict(
            {"a": spaces.Discrete(2), "b": spaces.Discrete(3)}
        )  # fmt: skip
        if form.startswith("beside"):
            others = {"observations": self.observation_space} if form == "beside" else {"one": spaces.Discrete(2)}
            self.observation_space = spaces.Dict({**others, "action_mask": spaces.MultiBinary(5)})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.time += 1
        observation = np.zeros(3, np.float32)
        return self._masked(observation), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.ticks += 1
        observation = np.zeros(3, np.float32)
        rest = 1.0, False, self.ticks % 4 == 0
        self.time += 1
        return self._masked(observation), *rest, self._info()

    def _masked(self, observation: Any) -> Any:
        if not self.form.startswith("beside"):
            return observation
        other = {"observations": observation} if self.form == "beside" else {"one": 1}
        return {**other, "action_mask": mask_of(self.time)}

    def _info(self) -> dict[str, Any]:
        mask = mask_of(self.time)
        forms = {
            "flat": mask,
            "tuple": (mask[:2], mask[2:]),
            "list": [mask[:2].tolist(), mask[2:].tolist()],
            "Dict": {"a": mask[:2], "b": mask[2:]},
        }
        return {"action_mask": forms[self.form]} if self.form in forms else {}


class WithMethod(Masked):
    def action_masks(self) -> Any:
        return mask_of(self.time).astype(bool)


@pytest.mark.parametrize("form", ["flat", "tuple", "list", "Dict", "beside", "beside others", "method"])
def test_masks_in_every_convention(form: str) -> None:
    def make_env() -> Any:
        env = WithMethod(form) if form == "method" else Masked(form)
        return gymnasium.wrappers.TimeLimit(env, 99)

    block = block_of(make_env, 2)
    assert block.layout.masked
    for moment in run(block, [[0, 0]] * 6):
        assert moment["action_masks"].any(axis=1).all()
    times = [env.unwrapped.time for env in block.envs]
    np.testing.assert_array_equal(block._buffers["action_masks"], [mask_of(time) for time in times])


@pytest.mark.parametrize(
    ("space", "mask", "complaint"),
    [
        (spaces.Discrete(4), [1, 1, 1], r"the action_mask is a list of 3, but there are 4 choices"),
        (spaces.MultiDiscrete([2, 3]), ([1], [1, 1, 1]), "is a tuple of 2, but there are 5 choices"),
        (spaces.Box(0, 1, (2,)), [1, 1], "only discrete actions can be masked"),
        (spaces.Discrete(2), "11", "is a str of 2, but there are 2 choices"),
    ],
)
def test_masks_that_fit_no_convention(space: Any, mask: Any, complaint: str) -> None:
    class Odd(Sampler):
        def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:
            return super().reset(**keywords)[0], {"action_mask": mask}

    with pytest.raises(ValueError, match=complaint):
        block = block_of(lambda: Odd(spaces.Discrete(2), space))
        block.reset(0)


@pytest.mark.parametrize(
    ("reward", "outcome"),
    [
        (np.array([1.5]), 1.5),
        ([1.5], 1.5),
        (np.float16(1.5), 1.5),
        (True, 1.0),
        (np.array(1.5), 1.5),
        (
            np.array([1.0, 2.0]),
            r"environment 0: the reward is array\(\[1., 2.\]\) of shape \(2,\): it must be a single",
        ),
        (None, "the reward is None: it must be a single number. Use float"),
        ("1.0", "the reward is '1.0': it must be a single number"),
        (1e39, r"the reward is 1e\+39: it must fit float32, at most 3.4e\+38"),
    ],
)
def test_rewards(reward: Any, outcome: float | str) -> None:
    class Paying(Sampler):
        def step(self, action: Any) -> Any:
            observation, _, *rest = super().step(action)
            return observation, reward, *rest

    block = block_of(lambda: Paying(spaces.Discrete(2)))
    if isinstance(outcome, str):
        with pytest.raises(ValueError, match=outcome):
            run(block, [0])
    else:
        assert run(block, [0])[-1]["rewards"][0] == outcome


class Ours(Walk):
    """Takes arguments with the names of ours."""

    def __init__(self, timeout: int = 1, seed: int = 2, batch: str = "none", wrap: bool = False) -> None:
        super().__init__(longest=timeout)
        self.arguments = (timeout, seed, batch, wrap)


def test_an_environments_own_arguments_reach_it() -> None:
    own = {"timeout": 7, "seed": 5, "batch": "small", "wrap": True}
    with vector.make(Ours, 2, backend="serial", seed=3, env_args=own) as env:
        assert env._blocks[0].envs[1].arguments == (7, 5, "small", True)  # type: ignore[union-attr]
    with vector.make(Ours, 2, backend="serial", seed=3, env_args={}) as env:
        assert env._blocks[0].envs[1].arguments == (1, 2, "none", False)  # type: ignore[union-attr]
    with pytest.raises(
        TypeError, match=r"seed=3: both vector.make and Ours take an argument of that name. Give env_args"
    ):
        vector.make(Ours, 2, seed=3)
    with pytest.raises(TypeError, match="longest is given twice"):
        vector.make(Walk, longest=3, env_args={"longest": 3})
    with pytest.raises(ValueError, match=r"wrap.stack: breakout makes whole batches"):
        vector.make("breakout", wrap={"stack": 4})


def test_the_first_reset_is_not_done_twice() -> None:
    block = block_of(Counter, 3)
    block.reset(None)
    assert [env.resets for env in block.envs] == [1, 1, 1]
    block.reset(0)
    assert [env.resets for env in block.envs] == [2, 2, 2]
    other = block_of(Counter)
    other.reset(8)
    assert other.envs[0].resets == 2


def test_known_packages_are_named() -> None:
    with pytest.raises(ImportError, match="NetHackScore-v0 needs nle, which is missing: pip install nle"):
        vector.make("gymnasium:NetHackScore-v0")


def test_atari_games_as_the_literature_plays_them() -> None:
    pytest.importorskip("ale_py")
    words = {"frameskip": 4, "pool": True, "noops": 30, "lives": True, "gray": True, "size": 84, "stack": 4}
    fire = np.ones(2, np.int32)
    with vector.make("gymnasium:ALE/Breakout-v5", 2, backend="serial", wrap=words, training=True) as env:
        assert env.single_observation_space == spaces.Box(0, 255, (4, 84, 84), np.uint8)
        observations = env.reset(0)
        assert observations.any() and (observations[:, 0] == observations[:, 3]).all()
        ends = 0
        for _ in range(150):
            env.step(fire)
            ends += int(env.terminals.sum())
        resets = [game.unwrapped.ale.getEpisodeFrameNumber() for game in env._blocks[0].envs]  # type: ignore[union-attr]
        assert ends >= 5 and max(resets) > 100 and not (observations[:, 2] == observations[:, 3]).all()
