#!/usr/bin/env python3
"""Writes the README's table of formats from resnet20-ptq/points.csv and from what
`nibble formats` says of each format.

usage: docs/results/formats_table.py [NIBBLE]    (default build/release/nibble)
"""
import csv
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NIBBLE = sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/nibble"
ROWS = [  # weights, activations, ends, as in the specification
    ("bf16", "bf16", ""), ("posit16_es1", "posit16_es1", ""),
    ("int8/channel", "int8", ""), ("mxint8", "mxint8", ""),
    ("fp8_e4m3/channel", "fp8_e4m3", ""), ("fp8_e5m2/channel", "fp8_e5m2", ""),
    ("fp8_e3m4/channel", "fp8_e3m4", ""), ("mxfp8_e4m3", "mxfp8_e4m3", ""),
    ("posit8_es1", "posit8_es1", ""), ("log8_f3/channel", "int8", ""),
    ("int6/channel", "int6", ""), ("fp6_e2m3/channel", "fp6_e2m3", ""),
    ("fp6_e3m2/channel", "fp6_e3m2", ""), ("mxfp6_e2m3", "mxfp6_e2m3", ""),
    ("int5/channel", "int5", ""), ("int4/channel", "int8", ""),
    ("int4/group32", "int8", ""), ("nf4/channel", "int8", ""),
    ("log4_f1/channel", "int8", ""), ("int4/channel", "uint4", "int8"),
    ("int4/group32", "uint4", "int8"),
    ("fp4_e2m1/channel", "fp4_e2m1", "int8"), ("mxfp4", "mxfp4", "int8"),
    ("nvfp4", "nvfp4", "int8"), ("int3/group32", "int8", ""),
    ("int3/channel", "uint3", "int8"), ("ternary/channel", "int8/token", ""),
]


def number(value):
    return re.sub(r"e\+?0*", "e", f"{value:.4g}")


formats = {f["name"]: f for f in json.loads(subprocess.check_output(
    [NIBBLE, "formats", "--output", "json"]))["formats"]}
points = {(p["weight-scheme"], p["act-scheme"], p["ends-scheme"]): p
          for p in csv.DictReader(open(ROOT / "docs/results/resnet20-ptq/points.csv"))}
exact = points["float", "float", ""]
lines = ["| weights | activations | bits | range | accuracy | cost | kB |",
         "|---|---|---|---|---|---|---|"]
for weights, acts, ends in ROWS:
    point = points[weights, acts, ends]
    name = weights.split("/")[0]
    form = formats[name]
    accuracy = 100 * float(point["accuracy"])
    cost = float(point["quadratic"]) / float(exact["quadratic"])
    lines.append(
        f"| {weights} | {acts}{', ends ' + ends if ends else ''} "
        f"| {form['bits_per_element']:g} | ±{number(form['max'])} "
        f"| {accuracy:.2f} % | {cost:.3f} | {float(point['bytes']) / 1e3:.0f} |")
readme = (ROOT / "README.md").read_text()
table = "\n".join(lines)
(ROOT / "README.md").write_text(re.sub(
    r"(<!-- formats: [^\n]*-->\n).*?(<!-- end of formats -->)",
    lambda m: m[1] + "\n" + table + "\n\n" + m[2], readme, flags=re.S))
