"""`puffer-export`: write a trained policy as an ONNX file, as C, or as a smaller policy file."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from puffer_envs.contract.commands import (
    Parser,
    add_library,
    add_network,
    add_seed,
    add_trained,
    find_trained,
    whole_number,
)
from puffer_envs.contract.documentation import page_url
from puffer_envs.contract.errors import UsageError
from puffer_envs.contract.offers import open_given
from puffer_envs.contract.trained import list_trained
from puffer_train.cli.options import run_command
from puffer_train.environments import registry
from puffer_train.report.exported import Exported, report_export
from puffer_train.run.export_c import export_c
from puffer_train.run.export_file import HALF_BITS, export_file
from puffer_train.storage.c_file.matrix import LARGEST

EXAMPLES = """examples:
  puffer-export runs/breakout-1                      writes runs/breakout-1/policy.onnx
  puffer-export runs/breakout-1/policy.safetensors -o breakout.onnx
  puffer-export breakout --trained                   writes breakout.onnx
  puffer-export corridor:Corridor --policy runs/corridor-1
  puffer-export drone --trained drone.c              writes drone.c and drone.h
  puffer-export runs/drone-1 drone.c --weights int8  a quarter of the memory
  puffer-export runs/drone-1 drone.safetensors --weights float16   half the size
"""


def build_parser() -> Parser:
    """Return the parser of `puffer-export`."""
    parser = Parser(
        prog="puffer-export",
        description="Write a policy as an ONNX file, after comparing onnxruntime with torch, as a C file for a "
        f"microcontroller ({page_url('microcontroller')}), or as a policy file.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a run folder, policy file or checkpoint; or the environment's name"
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="OUT",
        help="where to write: FILE.onnx, FILE.c with FILE.h, or FILE.safetensors [see -o]",
    )
    parser.add_argument("--policy", type=Path, metavar="FILE", help="policy file, checkpoint or run folder")
    add_trained(parser)
    parser.add_argument(
        "-o",
        type=Path,
        dest="out",
        metavar="FILE",
        help="the same as OUT [policy.onnx beside it; with --trained NAME.onnx]",
    )
    kinds = tuple(dict.fromkeys(kind for writer in WRITERS.values() for kind in writer.weights))
    parser.add_argument(
        "--weights",
        choices=kinds,
        metavar="{" + ",".join(kinds) + "}",
        help="what weights are stored as: int16 or int8 in a C file, float16 in a policy file [float32]",
    )
    parser.add_argument(
        "--bits",
        type=whole_number(2, HALF_BITS),
        metavar="N",
        help=f"significant bits of float16 weights of usual size; fewer make a zip of it smaller [{HALF_BITS}]",
    )
    parser.add_argument(
        "--episodes",
        type=whole_number(0),
        default=256,
        metavar="N",
        help="played to measure what rounding weights costs, which needs torch; 0: none [256]",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
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
    open_given(options)
    name, source, out = _from_and_to(parser, options)
    writer = WRITERS.get(out.suffix)
    if writer is None:
        raise UsageError(f"{out}: a policy is written as .onnx, .c or .safetensors. Choose one of these endings.")
    if options.weights is not None and options.weights not in writer.weights:
        able = " or ".join(suffix for suffix, each in WRITERS.items() if options.weights in each.weights)
        raise UsageError(
            f"--weights {options.weights} is for {able}, and this is {out}. Leave it out, or name a {able}."
        )
    if options.bits is not None and options.weights != "float16":
        raise UsageError("--bits is for --weights float16. Give both, or leave it out.")
    registry.load_libraries(options.library)
    writer.write(
        options, source, out, {"name": name, "networks": options.network, "env_settings": env, "seed": options.seed}
    )
    return 0


def _from_and_to(parser: Parser, options: argparse.Namespace) -> tuple[str | None, Path, Path]:
    """Return the environment's name, if it is given, where the policy is, and the file to write."""
    if options.file is not None and options.out is not None:
        raise UsageError(f"OUT is {options.file} and -o {options.out}: give one of them.")
    out = options.file or options.out
    if options.trained:
        options.policy = find_trained(parser, options.name, options.policy)
        out = out or Path(f"{options.name}.onnx")
    name, source = (options.name, options.policy) if options.policy is not None else (None, options.name)
    if source is None:
        raise UsageError("no policy is given: name a run folder, a policy file or a checkpoint.")
    source = Path(source)
    if name is None and str(source) in list_trained() and not source.exists():
        raise UsageError(f"{source}: no such file. The policy that ships for it is named by --trained.")
    beside = source if source.is_dir() else source.parent
    return name, source, out or beside / "policy.onnx"


def _write_onnx(options: argparse.Namespace, source: Path, out: Path, about: dict[str, Any]) -> None:
    import onnx  # noqa: F401, PLC0415 - what is missing is reported before any work
    import onnxruntime  # noqa: F401, PLC0415
    import onnxscript  # noqa: F401, PLC0415

    from puffer_train.run.export_run import export  # noqa: PLC0415 - loaded only when there is something to do

    parity = export(source, out, **about)
    if options.json:
        print(json.dumps({"files": [str(out)], **dataclasses.asdict(parity)}, indent=2))
        return
    size = out.stat().st_size / 1024
    print(f"{out}: {size:.0f} KiB, within {parity.difference:.1g} of torch on {parity.rows} observations")


def _write_c(options: argparse.Namespace, source: Path, out: Path, about: dict[str, Any]) -> None:
    _report(options, export_c(source, out, options.weights or "float32", episodes=options.episodes, **about))


def _write_file(options: argparse.Namespace, source: Path, out: Path, about: dict[str, Any]) -> None:
    about |= {"bits": options.bits or HALF_BITS, "episodes": options.episodes}
    _report(options, export_file(source, out, options.weights or "float32", **about))


def _report(options: argparse.Namespace, exported: Exported) -> None:
    if options.json:
        about = dataclasses.asdict(exported)
        print(json.dumps(about | {"files": [str(file) for file in exported.files]}, indent=2))
        return
    report_export(exported)


@dataclasses.dataclass(frozen=True)
class Writer:
    """One kind of file that a policy is written as."""

    write: Callable[[argparse.Namespace, Path, Path, dict[str, Any]], None]
    weights: tuple[str, ...] = ()
    """What `--weights` may be."""


WRITERS = {
    ".onnx": Writer(_write_onnx),
    ".c": Writer(_write_c, tuple(LARGEST)),
    ".safetensors": Writer(_write_file, ("float32", "float16")),
}
"""By the file's ending."""


if __name__ == "__main__":
    sys.exit(main())
