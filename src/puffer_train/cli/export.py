"""`puffer-export`: write a trained policy as an ONNX file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from puffer_envs.contract.commands import Parser, add_library, add_network, add_seed, add_trained, find_trained
from puffer_envs.contract.errors import UsageError
from puffer_envs.contract.offers import open_given
from puffer_train.cli.options import run_command

EXAMPLES = """examples:
  puffer-export runs/breakout-1                      writes runs/breakout-1/policy.onnx
  puffer-export runs/breakout-1/policy.safetensors -o breakout.onnx
  puffer-export breakout --trained                   writes breakout.onnx
  puffer-export corridor:Corridor --policy runs/corridor-1
"""


def build_parser() -> Parser:
    """Return the parser of `puffer-export`."""
    parser = Parser(
        prog="puffer-export",
        description="Write a policy as an ONNX file, after comparing onnxruntime with torch.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a run folder, policy file or checkpoint; or the environment's name"
    )
    parser.add_argument("--policy", type=Path, metavar="FILE", help="policy file, checkpoint or run folder")
    add_trained(parser)
    parser.add_argument(
        "-o",
        type=Path,
        dest="out",
        metavar="FILE",
        help="where to write [policy.onnx beside it; with --trained NAME.onnx]",
    )
    add_seed(parser, 1000, "of the games that are played to compare [1000]")
    parser.add_env_settings()
    add_library(parser)
    add_network(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 wrong usage or a policy that cannot be exported."""
    return run_command("puffer-export", lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: Sequence[str]) -> int:
    parser = build_parser()
    options, env = parser.parse(arguments)
    if options.trained:
        options.policy = find_trained(parser, options.name, options.policy)
        options.out = options.out or Path(f"{options.name}.onnx")
    name, source = (options.name, options.policy) if options.policy is not None else (None, options.name)
    if source is None:
        raise UsageError("no policy is given: name a run folder, a policy file or a checkpoint.")
    import onnx  # noqa: F401, PLC0415 - what is missing is reported before any work
    import onnxruntime  # noqa: F401, PLC0415
    import onnxscript  # noqa: F401, PLC0415

    from puffer_train.environments import registry  # noqa: PLC0415 - loaded only when there is something to do
    from puffer_train.run.export_run import export  # noqa: PLC0415

    open_given(options)
    registry.load_libraries(options.library)
    source = Path(source)
    beside = source if source.is_dir() else source.parent
    out = options.out or beside / "policy.onnx"
    parity = export(source, out, name=name, networks=options.network, env_settings=env, seed=options.seed)
    size = out.stat().st_size / 1024
    print(f"{out}: {size:.0f} KiB, within {parity.difference:.1g} of torch on {parity.rows} observations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
