#!/usr/bin/env python3
"""What L-Mul's paper claims of its error against fp8, measured by `nibble arith
table` on four distributions: writes docs/results/lmul-claims.

usage: docs/results/lmul_claims.py [NIBBLE [DATA]]
       (default build/release/nibble ../shared/data)
"""
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
NIBBLE = sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/nibble"
DATA = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "../shared/data")
OUT = ROOT / "docs/results/lmul-claims"


def write_npy(path, data):
    header = ("{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }"
              % (len(data) // 4))
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) +
                     header.encode() + data)
    return path


def resnet20():
    """Weights of every convolution and of the linear layer."""
    raw = (DATA / "resnet_cifar10/resnet20.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    data = b""
    for name, tensor in json.loads(raw[8:8 + size]).items():
        if name == "__metadata__" or len(tensor["shape"]) < 2:
            continue
        begin, end = tensor["data_offsets"]
        data += raw[8 + size + begin:8 + size + end]
    return data


def stories260k():
    """All weights but the tables of positions at the end."""
    raw = (DATA / "stories260K/stories260K.bin").read_bytes()
    dim, _, _, heads, _, _, positions = struct.unpack("<7i", raw[:28])
    return raw[28:len(raw) - 4 * positions * dim // heads]


def nmse(distribution):
    rows = json.loads(subprocess.check_output(
        [NIBBLE, "arith", "table", "--output", "json",
         "--distribution", distribution,
         *(w for m in ("lmul:k3", "lmul:k4", "lmul:bf16", "lmul", "mitchell",
                       "lmul-formula:k3", "lmul-formula:k4")
           for w in ("--multiplier", m))]))["multipliers"]
    return {row["multiplier"]: row["nmse"] for row in rows}


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    columns = {
        "uniform": nmse("uniform"), "normal": nmse("normal"),
        "ResNet-20": nmse(write_npy(folder / "resnet20.npy", resnet20())),
        "stories260K": nmse(write_npy(folder / "stories.npy", stories260k())),
    }
names = list(columns["uniform"])
table = ["| multiplication | " + " | ".join(columns) + " |",
         "|---" * (1 + len(columns)) + "|"]
for name in names:
    table.append(f"| {name} | " + " | ".join(
        f"{1e3 * column[name]:.3f}" for column in columns.values()) + " |")


def verdict(claim, holds):
    cells = ["yes" if holds(c) else "no" for c in columns.values()]
    return f"| {claim} | " + " | ".join(cells) + " |"


def close(a, b):
    return abs(math.log(a / b)) < 0.1


verdicts = [
    "| claim | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|",
    verdict("`lmul:k3` better than E5M2", lambda c:
            c["lmul:k3"] < c["fp8_e5m2 mul unrounded"]),
    verdict("`lmul:k4` within 10 % of E4M3, or better", lambda c:
            c["lmul:k4"] < c["fp8_e4m3 mul unrounded"] or
            close(c["lmul:k4"], c["fp8_e4m3 mul unrounded"])),
    verdict("`lmul-formula:k3` better than E5M2", lambda c:
            c["lmul-formula:k3"] < c["fp8_e5m2 mul unrounded"]),
    verdict("`lmul-formula:k4` within 10 % of E4M3, or better", lambda c:
            c["lmul-formula:k4"] < c["fp8_e4m3 mul unrounded"] or
            close(c["lmul-formula:k4"], c["fp8_e4m3 mul unrounded"])),
]
OUT.mkdir(exist_ok=True)
(OUT / "README.md").write_text("""# L-Mul against fp8

Normalized mean squared error of products, sum (p - x w)^2 / sum (x w)^2, times
1000, over 2^20 pairs; fp8 rounds its operands to nearest (and, without
"unrounded", the product), scaled by a power of two to the top of its range.
`uniform`: mantissas in [1, 2); `normal`: N(0, 1); then pairs of weights drawn
from real models: the convolutions of ResNet-20, all of stories260K.

""" + "\n".join(table) + """

The paper (arXiv:2410.00907) says that L-Mul with 3 mantissa bits beats E5M2 and
with 4 bits matches E4M3. Of its two readings (docs/arith.md) integer addition
bears that out where products are compared before they are rounded; the
formula does not.

""" + "\n".join(verdicts) + """

Made by `docs/results/lmul_claims.py build/release/nibble ../shared/data`.
""")
