#!/usr/bin/env python3
"""The nibble command from outside: results, exit codes, bad input.

usage: command_test.py NIBBLE SOURCE_DIR
"""
import csv
import io
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

NIBBLE = sys.argv[1]
SOURCE = pathlib.Path(sys.argv[2])
DATA = pathlib.Path(os.environ.get("NIBBLE_DATA") or SOURCE / "../shared/data")
ENV = {k: v for k, v in os.environ.items() if k != "NIBBLE_DATA"}


def run(*words, cwd=None, **more):
    return subprocess.run([NIBBLE, *map(str, words)], capture_output=True,
                          text=True, timeout=300, cwd=cwd, env=ENV, **more)


def result(*words):
    done = run(*words, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Folder(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)

    def refuses(self, *words, says):
        done = run(*words, cwd=self.dir)
        self.assertEqual(done.returncode, 2, done.stderr)
        for text in says:
            self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")


class Cost(Folder):
    def test_golden_totals_of_the_paper_s_code(self):
        bf16 = result("cost", "--model", "resnet50")
        self.assertEqual(bf16["macs"], 4089184256)
        self.assertEqual(bf16["weights"], 25502912)
        self.assertEqual(bf16["quadratic"], 1046831169536)
        self.assertEqual(bf16["memory_bits"], 408046592)
        wide = result("cost", "--model", "resnet50", "--width", "1.5",
                      "--weight-scheme", "int4/channel", "--act-scheme", "int4",
                      "--ends-scheme", "int8")
        self.assertEqual(wide["linear"], 36498112512)
        self.assertEqual(wide["quadratic"], 149867200512)
        self.assertEqual(wide["memory_bits"], 235599360)

    def test_formats_of_output(self):
        rows = list(csv.DictReader(io.StringIO(
            run("cost", "--model", "resnet20", "--output", "csv").stdout)))
        self.assertEqual(rows[0]["macs"], "40551040")
        self.assertIn("40551040", run("cost", "--model", "resnet20").stdout)

    def test_bad_input(self):
        self.refuses("cost", "--model", "resnet51", says=["resnet51", "resnet50"])
        self.refuses("cost", "--model", "resnet50", "--weight-scheme", "int3x",
                     says=["int3x", "position 4", "int3"])
        self.refuses("cost", "--width", "-1", says=["width"])
        self.refuses("cost", "--width", "wide", says=["--width"])
        self.refuses("cost", "--output", "xml", says=["--output"])
        self.refuses("costs", says=["costs", "cost"])
        self.refuses(says=["subcommand"])


class Arith(Folder):
    def table(self, *words):
        rows = result("arith", "table", "--samples", "65536",
                      *words)["multipliers"]
        return {row["multiplier"]: row for row in rows}

    def test_table(self):
        rows = self.table("--multiplier", "lmul", "--multiplier", "drum:k6",
                          "--multiplier", "truncated:t4")
        self.assertEqual(set(rows), {
            "fp8_e4m3 mul", "fp8_e4m3 mul unrounded", "fp8_e5m2 mul",
            "fp8_e5m2 mul unrounded", "lmul", "drum", "truncated"})
        lmul = rows["lmul"]
        self.assertAlmostEqual(lmul["closed_mean_relative"], 0.0040817702)
        self.assertAlmostEqual(lmul["mean_relative"], 0.00408, delta=5e-4)
        self.assertEqual(lmul["energy_pj"], 0.1)
        self.assertIn("Horowitz", lmul["source"])
        self.assertEqual(rows["fp8_e4m3 mul"]["gates"], 325)
        self.assertEqual(rows["truncated"]["circuit_mae"], 12.25)
        self.assertIsNone(lmul["circuit_mae"])

    def test_claims_of_the_paper(self):
        for distribution in ("uniform", "normal"):
            rows = self.table("--distribution", distribution)
            nmse = {name: row["nmse"] for name, row in rows.items()}
            self.assertLess(nmse["lmul:k3"], nmse["fp8_e5m2 mul unrounded"])
            self.assertLess(abs(nmse["lmul:k4"] /
                                nmse["fp8_e4m3 mul unrounded"] - 1), 0.1)
            self.assertGreater(nmse["lmul-formula:k4"],
                               4 * nmse["fp8_e4m3 mul unrounded"])

    def test_map(self):
        done = run("arith", "map", "--multiplier", "lmul", "--out", "map.png",
                   cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        data = (self.dir / "map.png").read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")

    def npy(self, values):
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % (
            len(values))
        header += " " * (53 - len(header) % 64 + 64 * (len(header) % 64 > 53))
        path = self.dir / "x.npy"
        path.write_bytes(b"\x93NUMPY\x01\x00" +
                         struct.pack("<H", len(header) + 1) +
                         header.encode() + b"\n" +
                         struct.pack("<%df" % len(values), *values))
        return path

    def test_file_as_distribution(self):
        rows = self.table("--multiplier", "exact", "--distribution",
                          self.npy([1.0, 0.5, -3.0]))
        self.assertEqual(rows["exact"]["error_probability"], 0)
        self.refuses("arith", "table", "--distribution", self.npy([]),
                     says=["x.npy", "no numbers"])
        self.refuses("arith", "table", "--distribution",
                     self.npy([1.0, float("nan")]),
                     says=["x.npy", "element 1", "NaN"])

    def test_bad_input(self):
        self.refuses("arith", "table", "--multiplier", "lmul:k24",
                     says=["lmul:k24", "position 6", "1 to 23"])
        self.refuses("arith", "table", "--distribution", "gaussian",
                     says=["gaussian", "normal"])
        self.refuses("arith", "table", "--distribution", "none.npy",
                     says=["none.npy"])
        self.refuses("arith", "table", "--samples", "0", says=["--samples"])
        (self.dir / "mul8u_x.bin").write_bytes(b"short")
        self.refuses("arith", "map", "--multiplier", "table:mul8u_x.bin",
                     "--out", "map.png", says=["mul8u_x.bin", "5 bytes",
                                               "131072"])
        self.refuses("arith", "map", "--multiplier", "lmul", "--out",
                     "none/map.png", says=["none/map.png"])
        self.refuses("arith", says=["subcommand"])
        self.assertEqual([p.name for p in self.dir.iterdir()], ["mul8u_x.bin"])


class Eval(Folder):
    def test_digits(self):
        exact = result("eval", "--model", "mlp")
        self.assertEqual(exact["total"], 797)
        self.assertGreater(exact["accuracy"], 0.92)
        self.assertEqual(exact["mean_logit_error"], 0)
        int8 = result("eval", "--model", "mlp", "--weight-scheme", "int8/channel",
                      "--act-scheme", "int8")
        self.assertLess(abs(int8["correct"] - exact["correct"]), 8)
        self.assertGreater(int8["mean_logit_error"], 0)
        self.assertEqual(int8["linear"] * 2, exact["linear"])
        again = result("eval", "--model", "mlp", "--weight-scheme",
                       "int8/channel", "--act-scheme", "int8", "--threads", "1")
        for name in ("correct", "mean_logit_error"):
            self.assertEqual(again[name], int8[name])

    @unittest.skipUnless((DATA / "cifar10").exists(), "no cifar10")
    def test_resnet20(self):
        weights = DATA / "resnet_cifar10/resnet20.safetensors"
        common = ["eval", "--model", "resnet20", "--weights", weights, "--data",
                  DATA / "cifar10", "--limit", 500, "--calibration-images", 64]
        exact = result(*common)
        int8 = result(*common, "--weight-scheme", "int8/channel",
                      "--act-scheme", "int8", "--calibration", "mse")
        self.assertGreater(exact["accuracy"], 0.88)
        self.assertLess(abs(exact["correct"] - int8["correct"]), 6)
        self.refuses("eval", "--model", "resnet32", *common[3:],
                     says=["resnet20.safetensors", "layer"])

    def test_bad_input(self):
        self.refuses("eval", says=["--weights"])
        self.refuses("eval", "--weights", "none.safetensors", "--data", ".",
                     says=["none.safetensors"] if not (DATA / "cifar10").exists()
                     else [])
        self.refuses("eval", "--model", "mlp", "--data", "nowhere",
                     says=["nowhere"])
        self.refuses("eval", "--model", "mlp", "--calibration", "best",
                     says=["best"])
        self.refuses("eval", "--model", "mlp", "--threads", "0",
                     says=["--threads"])
        bad = self.dir / "bad.safetensors"
        bad.write_bytes(b"\xff" * 64)
        self.refuses("eval", "--model", "mlp", "--weights", bad,
                     says=["bad.safetensors", "header"])


SPEC = {"name": "small", "model": "mlp", "cost": "linear",
        "axes": {"weight-scheme": ["float", "int8", "int4/channel", "mxfp4"],
                 "act-scheme": ["float", "int8", "fp8_e4m3"]}}


class Sweep(Folder):
    def write(self, spec):
        (self.dir / "spec.json").write_text(json.dumps(spec))

    def test_whole(self):
        self.write(SPEC)
        done = run("sweep", "spec.json", "--out", "out", "--output", "json",
                   cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = json.loads(done.stdout)
        self.assertEqual((out["points"], out["finished"]), (12, 12))
        self.assertGreater(len(out["front"]), 0)
        for name in ("points.csv", "front.json", "plot.svg", "report.html"):
            self.assertGreater((self.dir / "out" / name).stat().st_size, 100)
        with open(self.dir / "out/points.csv") as file:
            self.assertEqual(len(list(csv.DictReader(file))), 12)
        again = run("sweep", "spec.json", "--out", "out", "--output", "json",
                    cwd=self.dir)
        self.assertEqual(json.loads(again.stdout)["earlier"], 12)

    def test_killed_and_resumed(self):
        self.write({**SPEC, "axes": {"weight-scheme": ["int8", "int4", "nf4",
                    "mxfp4", "mxint8", "fp8_e4m3", "posit8_es1", "ternary"],
                    "act-scheme": ["float", "int8", "int6", "int5", "int4"]}})
        words = ["sweep", "spec.json", "--out", "out", "--output", "json"]
        for pause in (0.3, 0.4, 0.5):
            child = subprocess.Popen([NIBBLE, *words], cwd=self.dir, env=ENV,
                                     stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            time.sleep(pause)
            child.send_signal(signal.SIGKILL)
            child.wait()
        done = run(*words, cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = json.loads(done.stdout)
        self.assertEqual(out["points"], 40)
        self.assertEqual(out["earlier"] + out["finished"], 40)
        with open(self.dir / "out/points.csv") as file:
            self.assertEqual(len(list(csv.DictReader(file))), 40)

    def test_bad_input(self):
        self.refuses("sweep", "none.json", says=["none.json"])
        for spec, says in (
                ({**SPEC, "axis": {}}, ["axis", "axes"]),
                ({**SPEC, "model": "resnet21"}, ["resnet21"]),
                ({**SPEC, "seed": "one"}, ["seed"]),
                ({**SPEC, "axes": {"weight-scheme": ["int9"]}}, ["int9"]),
                ({**SPEC, "axes": {"weights-scheme": ["int8"]}},
                 ["weights-scheme", "weight-scheme"])):
            self.write(spec)
            self.refuses("sweep", "spec.json", "--out", "out", says=says)
        (self.dir / "spec.json").write_text("{\"name\": ")
        self.refuses("sweep", "spec.json", says=["spec.json"])
        self.write(SPEC)
        (self.dir / "file").write_text("")
        self.refuses("sweep", "spec.json", "--out", "file/out", says=["file/out"])


class Files(Folder):
    def test_quantize_inspect_dequantize(self):
        import struct
        header = json.dumps({
            "w": {"dtype": "F32", "shape": [4, 40], "data_offsets": [0, 640]},
            "b": {"dtype": "F32", "shape": [4], "data_offsets": [640, 656]}})
        header += " " * (-len(header) % 8)
        values = [((i * 37) % 101 - 50) / 25 for i in range(164)]
        source = self.dir / "in.safetensors"
        source.write_bytes(struct.pack("<Q", len(header)) + header.encode() +
                           struct.pack("<164f", *values))
        bits = {"int8": 8.2, "int4/group32": 6.4, "mxfp4": 4.4, "nf4": 4.2,
                "fp8_e4m3/tensor": 8.2, "ternary": 2.2, "asym:int4/channel": 5,
                "nvfp4": 5, "fp6_e3m2": 6.2, "bf16": 16.2, "int3/channel": 4}
        for scheme, most in bits.items():
            out, back = self.dir / "out.safetensors", self.dir / "back.safetensors"
            done = run("quantize", source, out, "--scheme", scheme)
            self.assertEqual(done.returncode, 0, done.stderr)
            row = {r["name"]: r for r in result("inspect", out)["tensors"]}
            self.assertEqual(row["w"]["shape"], [4, 40])
            self.assertEqual(row["w"]["scheme"], scheme.replace("/tensor", ""))
            self.assertLessEqual(row["w"]["bits_per_weight"], most, scheme)
            self.assertEqual(row["b"]["dtype"], "F32")
            self.assertEqual(run("dequantize", out, back).returncode, 0)
            said = {r["name"]: r for r in
                    result("inspect", source, "--scheme", scheme)["tensors"]}
            data = back.read_bytes()
            size = struct.unpack("<Q", data[:8])[0]
            place = json.loads(data[8:8 + size])["w"]["data_offsets"]
            floats = struct.unpack("<160f", data[8 + size:][place[0]:place[1]])
            worst = max(abs(a - b) for a, b in zip(values, floats))
            self.assertAlmostEqual(worst, said["w"]["max_error"], places=6)

    def test_bad_input(self):
        (self.dir / "bad.safetensors").write_bytes(b"\x10" + b"\0" * 7 + b"{")
        self.refuses("inspect", "bad.safetensors", says=["bad.safetensors"])
        self.refuses("inspect", "none.safetensors", says=["none.safetensors"])
        self.refuses("quantize", "bad.safetensors", "out", "--scheme", "int8",
                     says=["bad.safetensors"])
        self.refuses("quantize", "bad.safetensors", "out", says=["--scheme"])
        self.assertFalse((self.dir / "out").exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
