"""`puffer-eval`: play a trained policy over fresh full episodes and report how good it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from puffer_envs.contract.commands import (
    Parser,
    add_library,
    add_network,
    add_seed,
    add_threads,
    add_trained,
    find_trained,
    whole_number,
)
from puffer_envs.contract.errors import UsageError
from puffer_envs.contract.offers import open_given
from puffer_train.cli.options import print_environments, run_command

EXAMPLES = """examples:
  puffer-eval breakout --trained
  puffer-eval runs/breakout-1 --episodes 1000
  puffer-eval runs/breakout-1 --against runs/breakout-2
  puffer-eval breakout --policy breakout.safetensors --env.frameskip 2
"""


def build_parser() -> Parser:
    """Return the parser of `puffer-eval`."""
    parser = Parser(
        prog="puffer-eval", description="Evaluate a policy, or two, on fresh full episodes.", epilog=EXAMPLES
    )
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME|FILE",
        help="an environment, a run folder, a policy file or a checkpoint",
    )
    parser.add_argument("--list", action="store_true", help="list the environments and exit")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="policy file, checkpoint or run folder")
    parser.add_argument("--checkpoint", type=Path, metavar="RUN", help="checkpoint, or run folder (its newest)")
    add_trained(parser)
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with this policy on the same games")
    parser.add_argument("--episodes", type=whole_number(1), default=128, metavar="N", help="how many [128]")
    parser.add_argument(
        "--max-steps", type=whole_number(1), metavar="N", help="of each episode; longer ones are not counted [200_000]"
    )
    add_seed(parser, 1000, "of the games [1000]")
    add_threads(parser, None, "threads to use [all cores]")
    parser.add_env_settings()
    add_library(parser)
    add_network(parser)
    parser.add_argument("--deterministic", action="store_true", help="take the most likely action instead of sampling")
    parser.add_argument("--statistic", metavar="NAME", help="what the histogram and the comparison show [score]")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="record one more episode to this file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 wrong usage or unusable files, 130 Ctrl-C."""
    return run_command("puffer-eval", lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: Sequence[str]) -> int:
    parser = build_parser()
    options, env = parser.parse(arguments)
    if options.list:
        print_environments()
        return 0
    from puffer_train.environments import registry  # noqa: PLC0415 - loaded only when there is something to do

    open_given(options)
    registry.load_libraries(options.library)
    if options.trained:
        options.policy = find_trained(parser, options.name, options.policy, options.checkpoint)
    if options.name is not None and options.policy is None and options.checkpoint is None:
        path = Path(options.name)
        if path.exists():
            options.name, options.policy = None, path
    if options.name is not None:
        registry.find(options.name)
    if (options.policy is None) == (options.checkpoint is None):
        raise UsageError(
            "no policy is given: name a run folder or a policy file, or use --trained, --policy or --checkpoint."
        )
    from puffer_train.run.evaluation_run import judge  # noqa: PLC0415

    return judge(
        options.name,
        policy_file=options.policy,
        checkpoint=options.checkpoint,
        against=options.against,
        episodes=options.episodes,
        seed=options.seed,
        threads=options.threads,
        deterministic=options.deterministic,
        replay=options.replay,
        statistic=options.statistic,
        max_steps=options.max_steps,
        env_settings=env,
        networks=options.network,
    )


if __name__ == "__main__":
    sys.exit(main())
