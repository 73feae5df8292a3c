#!/usr/bin/env python3
"""Fails if an #include points up.

core <- format <- quant, arith <- nn <- qat <- tools; io and pareto know core
and format only; cost reads nn's shapes; sweep keeps points of anything.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAY_INCLUDE = {  # room: the rooms below it
    "core": set(),
    "format": {"core"},
    "quant": {"core", "format"},
    "arith": {"core", "format"},
    "io": {"core", "format"},
    "pareto": {"core", "format"},
    "nn": {"core", "format", "quant", "arith", "io"},
    "cost": {"core", "format", "quant", "arith", "nn"},
    "sweep": {"core", "format", "pareto"},
    "qat": {"core", "format", "quant", "arith", "io", "nn", "cost", "pareto"},
}
EXTRA = {"arith/lmul_xsimd.hpp", "eigen.hpp"}  # included by no other header
KERNEL_PEERS = {"Eigen": {"qat", "eigen"}, "xsimd": {"lmul_xsimd"}}


def room_of(path):
    parts = path.relative_to(ROOT).parts
    if parts[0] == "include":
        return pathlib.Path(parts[2]).stem if len(parts) > 3 else None
    return parts[1] if parts[0] == "src" else parts[0]


def main():
    bad = []
    sources = [p for d in ("include", "src", "arith", "qat")
               for e in ("*.hpp", "*.cpp") for p in sorted((ROOT / d).rglob(e))]
    for path in sources:
        name, text = path.relative_to(ROOT), path.read_text()
        room = room_of(path)
        included = re.findall(r'#include [<"]nibble/([\w./-]+)', text)
        for target in included:
            below = pathlib.PurePath(target).parts[0]
            if room is None or below.endswith(".hpp"):
                continue  # umbrella headers: checked by what they contain
            if below != room and below not in MAY_INCLUDE[room]:
                bad.append(f"{name}: {room} must not include {below}")
        for target in EXTRA & set(included):
            bad.append(f"{name}: nothing includes {target}")
        for package, allowed in KERNEL_PEERS.items():
            if re.search(rf"#include <{package}/", text) and not (
                    {room, path.stem} & allowed):
                bad.append(f"{name}: {package} does not belong here")
    print("\n".join(bad) or f"{len(sources)} files, every include points down")
    sys.exit(bool(bad))


main()
