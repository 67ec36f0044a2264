"""python -m zoo NAME -o FILE | [NAME...] --all DIR | [NAME...] --check | --list"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from zoo.catalogue import BACKBONES, CATALOGUE, NAMES, build
from zoo.check import check
from zoo.network import Options


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m zoo", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks (see --list)")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "-o", "--output", type=Path, help="write the one network named to this file"
    )
    action.add_argument("--all", type=Path, metavar="DIR", help="write the named networks, or all")
    action.add_argument(
        "--check", action="store_true", help="build, run and print a table (picture networks)"
    )
    action.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folded", action="store_true", help="BatchNorm inside the convolutions")
    parser.add_argument(
        "--dynamic-batch", action="store_true", help="leave the batch dimension open"
    )
    parser.add_argument(
        "--backbones",
        action="store_true",
        help="with --all: for each network with a dense tail also DIR/backbones/NAME.onnx, "
        "the same convolutions under another tail (penumbra protect --public-backbone)",
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in NAMES]
    if unknown:
        parser.error(f"unknown network {unknown[0]}; known: {', '.join(NAMES)}")
    if arguments.output and len(arguments.names) != 1:
        parser.error("--output writes exactly one network; use --all DIR for several")
    if arguments.backbones and not arguments.all:
        parser.error("--backbones belongs to --all DIR")
    return arguments


def _write_all(names: list[str], options: Options, folder: Path, backbones: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        build(name, options).save(folder / f"{name}.onnx")
    if not backbones:
        return
    (folder / "backbones").mkdir(exist_ok=True)
    public = replace(options, tail_seed=options.seed + 1)
    for name in (name for name in names if name in BACKBONES):
        build(name, public).save(folder / "backbones" / f"{name}.onnx")


def main() -> int:
    arguments = _arguments()
    options = Options(arguments.seed, arguments.folded, arguments.dynamic_batch)
    names = arguments.names or NAMES
    if arguments.list:
        print("\n".join(NAMES))
    elif arguments.check:
        return check([name for name in names if name in CATALOGUE], options)
    elif arguments.output:
        build(names[0], options).save(arguments.output)
    else:
        _write_all(names, options, arguments.all, arguments.backbones)
    return 0


sys.exit(main())
