"""python -m zoo NAME -o FILE | [NAME...] --all DIR | [NAME...] --check | --list"""

import argparse
import sys
from pathlib import Path

from zoo.catalogue import CATALOGUE, NAMES, build
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
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in NAMES]
    if unknown:
        parser.error(f"unknown network {unknown[0]}; known: {', '.join(NAMES)}")
    if arguments.output and len(arguments.names) != 1:
        parser.error("--output writes exactly one network; use --all DIR for several")
    return arguments


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
        arguments.all.mkdir(parents=True, exist_ok=True)
        for name in names:
            build(name, options).save(arguments.all / f"{name}.onnx")
    return 0


sys.exit(main())
