"""`puffer-eval`: play a trained policy over fresh full episodes and say how good it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from puffer_envs.contract.errors import UsageError
from puffer_train.cli.options import Parser, print_environments, run_command, whole_number


def build_parser() -> Parser:
    """Return the parser of `puffer-eval`."""
    parser = Parser(
        prog="puffer-eval",
        description="Judge a policy, or two, on fresh full episodes. --env.KEY VALUE changes the environment.",
    )
    parser.add_argument("name", nargs="?", help="environment, or module:factory [the policy's own]")
    parser.add_argument("--list", action="store_true", help="list the environments and leave")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="exported policy, checkpoint or run folder")
    parser.add_argument("--checkpoint", type=Path, metavar="RUN", help="a checkpoint, or a run folder (its newest)")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with this one, on the same games")
    parser.add_argument("--episodes", type=whole_number(1), default=128, metavar="N", help="how many [128]")
    parser.add_argument("--seed", type=whole_number(0), default=1000, metavar="S", help="of the games [1000]")
    parser.add_argument("--threads", type=whole_number(1), metavar="N", help="processor threads to use [all]")
    parser.add_argument("--deterministic", action="store_true", help="take the likeliest actions, draw none")
    parser.add_argument("--statistic", metavar="NAME", help="what the histogram and the comparison show [score]")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="record one more episode to this file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 wrong usage or unusable files, 130 Ctrl-C."""
    return run_command("puffer-eval", lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: Sequence[str]) -> int:
    options, env = build_parser().parse(arguments)
    if options.list:
        print_environments()
        return 0
    if options.name is not None:
        from puffer_train.environments import registry  # noqa: PLC0415 - nothing is loaded before it is needed

        registry.find(options.name)
    if (options.policy is None) == (options.checkpoint is None):
        raise UsageError("give the policy to judge: either --policy FILE or --checkpoint RUN.")
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
        env_settings=env,
    )


if __name__ == "__main__":
    sys.exit(main())
