#!/usr/bin/env python3
"""nibble arith and search-function from outside.

usage: arith_command_test.py NIBBLE SOURCE_DIR
"""
import csv
import json
import os
import signal
import struct
import subprocess
import sys
import time
import unittest

from command import ENV, NIBBLE, Folder, result, run


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


class SearchFunction(Folder):
    WORDS = ["search-function", "--target", "exp2", "--domain", "0,1", "--ops",
             "6", "--seed", "2", "--out", "out.json"]

    def search(self, *words):
        return run("--quiet", *self.WORDS, *words, cwd=self.dir)

    def test_front_better_than_minimax(self):
        done = self.search("--rounds", "30", "--threads", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        out = json.loads((self.dir / "out.json").read_text())
        best = {row["operations"]: row["error"] for row in out["front"]}
        self.assertLess(best[3], 0.0298212)
        self.assertLess(min(e for n, e in best.items() if n <= 5), 0.00172476)
        self.assertAlmostEqual(out["minimax_polynomials"][1]["error"],
                               0.00172476, places=6)
        with open(self.dir / "out.csv") as file:
            self.assertEqual(len(list(csv.DictReader(file))), len(best))
        self.assertIn("<svg", (self.dir / "out.svg").read_text())
        main = self.dir / "main.cpp"
        main.write_text('#include "out.hpp"\nint main() {\n  double e = ' +
                        "exp2_3(0.5) / std::exp2(0.5) - 1;\n" +
                        "  return std::abs(e) < 2e-3 ? 0 : 1;\n}\n")
        subprocess.run([os.environ.get("CXX", "c++"), "-Wall", "-Werror",
                        "main.cpp", "-o", "main"], cwd=self.dir, check=True)
        subprocess.run([self.dir / "main"], check=True)

    def test_killed_and_resumed_is_the_same(self):
        whole = self.search("--rounds", "25", "--threads", "1")
        self.assertEqual(whole.returncode, 0, whole.stderr)
        expected = (self.dir / "out.json").read_bytes()
        self.search("--rounds", "9")
        child = subprocess.Popen([NIBBLE, *self.WORDS, "--resume"],
                                 cwd=self.dir, env=ENV,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        child.send_signal(signal.SIGKILL)
        child.wait()
        done = self.search("--rounds", "25", "--resume", "--threads", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.dir / "out.json").read_bytes(), expected)

    def test_bad_input(self):
        common = ["search-function", "--rounds", "1", "--out", "out.json"]
        for words, says in (
                (["--target", "exp3"], ["exp3", "exp2"]),
                (["--domain", "1,0"], ["domain", "1,0"]),
                (["--domain", "nan,1"], ["domain"]),
                (["--domain", "0"], ["--domain", "0,1"]),
                (["--target", "log2"], ["domain", "log2"]),
                (["--target", "reciprocal", "--domain", "-1,1"], ["pole"]),
                (["--ops", "0"], ["ops"]), (["--ops", "99"], ["ops"]),
                (["--minutes", "nan"], ["--minutes"]),
                (["--precision", "f16"], ["--precision"]),
                (["--resume"], ["out.state"])):
            self.refuses(*common, *words, says=says)
        self.refuses("search-function", "--out", "none/out.json",
                     says=["none/out.state"])
        self.refuses("search-function", "--out", "out.txt", says=["out.txt"])
        self.refuses("search-function", says=["--out"])
        self.assertEqual(self.search("--rounds", "1").returncode, 0)
        self.refuses(*self.WORDS, "--seed", "9", "--resume",
                     says=["--seed"])
        other = [w if w != "2" else "9" for w in self.WORDS]
        self.refuses(*other, "--resume", says=["out.state", "seed"])
        (self.dir / "out.state").write_text("{")
        self.refuses(*self.WORDS, "--resume", says=["out.state"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
