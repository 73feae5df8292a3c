#!/usr/bin/env python3
"""Times quantization and writes docs/results/benchmarks/quantize.csv: GB/s of floats of
every format on every instruction set, XNNPACK's converter and a copy beside them.
Then writes the README's table from it.

usage: docs/results/quantize_table.py [WRAPPER...]

Needs build/release with its benchmarks. Each command runs pinned to one core; WRAPPER
runs a command alone, where a machine is shared. With --table as its only argument
nothing is timed.
"""
import csv
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CSV = ROOT / "docs/results/benchmarks/quantize.csv"
OPTIONS = ["--benchmark_min_time=0.005", "--benchmark_repetitions=3",
           "--benchmark_enable_random_interleaving=true"]
IN_CACHE = "/(AVX3_DL|AVX3|AVX2|SSE4|SSSE3)/(4096|65536)$"
BEYOND = "(int8|fp8_e4m3|nf4|posit8_es1|bf16)/(AVX3_DL|AVX2)/33554432$"
RUNS = [("quantize_bench", f"^Quantize/.*{IN_CACHE}|^BM_.*/(4096|65536)$"),
        ("dequantize_bench", f"^(Dequantize|AnyCode)/.*{IN_CACHE}"),
        ("quantize_bench", f"^Quantize/{BEYOND}|^BM_.*/33554432$"),
        ("dequantize_bench", f"^Dequantize/{BEYOND}")]
TARGETS = ["AVX3_DL", "AVX2"]
ROWS = ["int8", "int8/group32", "ternary", "bf16", "fp16", "fp8_e4m3", "fp6_e2m3",
        "fp4_e2m1", "nf4", "posit8_es1", "posit16_es1", "log8_f3"]


def output(*command):
    return subprocess.check_output(command, cwd=ROOT, text=True)


def machine():
    cpu = {key.strip(): value.strip() for key, _, value in (
        line.partition(":") for line in open("/proc/cpuinfo"))}
    cache = (ROOT / "build/release/CMakeCache.txt").read_text()
    compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.M)[1]
    flags = re.search(r"^CMAKE_CXX_FLAGS_RELEASE:\w+=(.*)$", cache, re.M)[1]
    return [f"commit {output('git', 'rev-parse', '--short', 'HEAD').strip()}",
            f"CPU {cpu['model name']}, family {cpu['cpu family']}, "
            f"model {cpu['model']}, one core",
            f"compiler {output(compiler, '--version').splitlines()[0]}, {flags}"]


def measure(wrapper):
    """Comment lines and rows (operation, format, target, elements, GB/s)."""
    notes, rows = machine(), []
    for program, pattern in RUNS:
        command = ["taskset", "-c", "1", f"build/release/bench/{program}",
                   f"--benchmark_filter={pattern}", *OPTIONS]
        notes.append("command " + " ".join(command))
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run([*wrapper, *command, f"--benchmark_out={out.name}",
                            "--benchmark_out_format=json"], cwd=ROOT, check=True,
                           stdout=subprocess.DEVNULL)
            found = json.load(open(out.name))["benchmarks"]
        for run in found:
            if run.get("aggregate_name") != "median":
                continue
            *name, elements = run["run_name"].split("/")
            operation = name.pop(0).removeprefix("BM_")
            target = next((name.pop(i) for i, part in enumerate(name)
                           if part.isupper() or part == "AVX3_DL"), "")
            rows.append([operation, "/".join(name), target, int(elements),
                         f"{run['bytes_per_second'] / 1e9:.1f}"])
    return notes, rows


def write_table():
    lines = [line for line in open(CSV) if not line.startswith("#")]
    speed = {(r["operation"], r["format"], r["target"], int(r["elements"])):
             float(r["gb_per_s"]) for r in csv.DictReader(lines)}

    def cell(form, target):
        return " / ".join(f"{speed[op, form, target, 4096]:.0f}"
                          for op in ("Quantize", "Dequantize"))

    table = ["| | " + " | ".join(TARGETS) + " |", "|---" * (len(TARGETS) + 1) + "|"]
    for form in ROWS:
        table.append(f"| {form} | " + " | ".join(cell(form, t) for t in TARGETS) + " |")
    peer = " / ".join(f"{speed['Xnnpack' + op, '', '', 4096]:.0f}"
                      for op in ("Quantize", "Dequantize"))
    table.append(f"| XNNPACK int8, its choice | {peer} | |")
    table.append(f"| copy of the floats | {speed['Copy', '', '', 4096]:.0f} | |")
    readme = ROOT / "README.md"
    readme.write_text(re.sub(
        r"(<!-- speed: [^\n]*-->\n).*?(<!-- end of speed -->)",
        lambda m: m[1] + "\n" + "\n".join(table) + "\n\n" + m[2],
        readme.read_text(), flags=re.S))
    print("\n".join(table))


if sys.argv[1:] != ["--table"]:
    notes, rows = measure(sys.argv[1:])
    CSV.parent.mkdir(exist_ok=True)
    with open(CSV, "w", newline="") as out:
        out.writelines(f"# {note}\n" for note in notes)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["operation", "format", "target", "elements", "gb_per_s"])
        writer.writerows(sorted(rows))
write_table()
