"""Resuming a run from a checkpoint: the training always, the episodes where the environment keeps snapshots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from puffer_train.algorithm import training_state
from puffer_train.report.formatting import short
from puffer_train.run.saving import SNAPSHOT, identity, rank_prefix
from puffer_train.run.state import RunState
from puffer_train.storage import checkpoint
from puffer_train.system.machine import versions


def restore(run: RunState, found: checkpoint.Checkpoint, changed: set[str]) -> bool:
    """Return to a checkpoint.

    Args:
        run: The run.
        found: The checkpoint, with the state of all ranks.
        changed: Settings of the environment that were given now, and may differ from those of the checkpoint.

    Returns:
        Whether the episodes continue, rather than start from scratch.

    Raises:
        CheckpointError: The checkpoint is of something else; the message names what differs.
    """
    ppo, where, manifest = run.ppo, found.path, found.manifest
    own, of_all = rank_prefix(run.ranks.rank), found.tensors
    mine = {name.removeprefix(own): tensor for name, tensor in of_all.items() if name.startswith(own)}
    saved = {name.removeprefix("optimizer."): x for name, x in of_all.items() if name.startswith("optimizer.")}
    ppo.optimizer.allocate(saved)
    wanted, learned = identity(run), training_state.learned_tensors(ppo)
    first_pool = ppo.opponents is not None and "generator.selfplay" not in of_all
    if first_pool:  # the run had no opponents so far
        of_all = of_all | {name: tensor for name, tensor in learned.items() if "selfplay" in name}
        manifest = manifest | {"identity": manifest["identity"] | {"opponents": wanted.get("opponents")}}
    found = replace(found, tensors={name: of_all[name] for name in learned if name in of_all} | mine)
    checkpoint.check_settings(manifest["identity"], wanted, changed, where)
    checkpoint.check_identity(manifest["identity"] | {"seed": manifest["seed"]}, wanted, where)
    checkpoint.check_shapes(found.tensors, learned, where)
    checkpoint.check_generators(found.tensors, where)
    checkpoint.check_counters(manifest["counters"], training_state.counters(ppo), where)
    for name, version in versions().items():
        if manifest["versions"].get(name) != version:
            before = manifest["versions"].get(name)
            run.say(f"Saved with {name} {before}, this is {version}: the numbers may come out differently.")
    play = _restore_environment(run, found)
    if run.ranks.agree(not play) and play:
        run.warn("Another rank cannot continue its episodes: those of all ranks start from scratch.")
        play = False
    training_state.restore(ppo, found.tensors, manifest["counters"], game=play)
    if first_pool and ppo.opponents is not None:
        ppo.opponents.start_over(ppo.steps)
    about = manifest.get("run", {})
    ppo.step_scale, run.retreats = about.get("step_scale", 1.0), about.get("retreats", 0)
    if not play:
        ppo.restart(int(np.random.SeedSequence([ppo.seed, ppo.steps]).generate_state(1)[0]))
    return play


def resume(run: RunState, found: checkpoint.Checkpoint, changed: set[str]) -> None:
    """Continue a run in a new process; arguments and errors are those of `restore`."""
    run.restarted = not restore(run, found, changed)
    ppo = run.ppo
    run.resumed_at = run.saved_at = ppo.steps
    run.seconds_before = ppo.seconds = found.manifest.get("run", {}).get("seconds", 0.0)
    run.say(f"Resuming from {found.path} at {short(ppo.steps)} steps.")


def _restore_environment(run: RunState, found: checkpoint.Checkpoint) -> bool:
    """Restore the environment's state; False, after a warning, where that is impossible."""
    restore, ranks = getattr(run.ppo.env, "restore", None), found.manifest.get("ranks", 1)
    if ranks != run.ranks.count:
        run.warn(
            f"The checkpoint is of a run on {_counted(ranks)}, this is one on {_counted(run.ranks.count)}: "
            "training continues, episodes start from scratch."
        )
        return False
    if restore is None:
        run.warn("The environment keeps no snapshots: training continues, its episodes start from scratch.")
        return False
    if SNAPSHOT not in found.tensors:
        run.warn("The checkpoint has no snapshot of the environment: its episodes start from scratch.")
        return False
    try:
        checkpoint.check_shapes(found.tensors, training_state.game_tensors(run.ppo), found.path)
        restore(found.tensors[SNAPSHOT].numpy().tobytes())
    except (Exception, SystemExit) as error:  # whatever the environment raises
        run.warn(f"The environment's snapshot does not fit ({error}): its episodes start from scratch.")
        return False
    return True


def _counted(ranks: int) -> str:
    return f"{ranks} rank" if ranks == 1 else f"{ranks} ranks"
