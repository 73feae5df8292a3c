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
                          text=True, errors="replace", timeout=300, cwd=cwd,
                          env=ENV, **more)


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
        lmul = result("eval", "--model", "mlp", "--multiplier", "lmul:k4")
        self.assertLess(abs(lmul["correct"] - exact["correct"]), 12)
        self.assertGreater(lmul["mean_logit_error"], 0)
        self.assertEqual(result("eval", "--model", "mlp", "--multiplier",
                                "lmul:k4", "--where", "conv"
                                )["mean_logit_error"], 0)
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
        integer = result(*common, "--weight-scheme", "int8/channel",
                         "--act-scheme", "int8", "--calibration", "mse",
                         "--engine", "integer")
        self.assertEqual(integer["engine"], "integer")
        for name in ("correct", "mean_logit_error"):
            self.assertEqual(integer[name], int8[name])

    def test_engines_agree(self):
        for weights, acts in (("int8/channel", "int8"), ("int4", "asym:uint8"),
                              ("ternary/channel", "int8/token")):
            words = ["eval", "--model", "mlp", "--weight-scheme", weights,
                     "--act-scheme", acts]
            fake = result(*words)
            integer = result(*words, "--engine", "integer")
            self.assertEqual(fake["engine"], "fake")
            for name in ("correct", "mean_logit_error"):
                self.assertEqual(integer[name], fake[name])
        words = ["eval", "--model", "mlp", "--weight-scheme", "int8/channel",
                 "--act-scheme", "int8", "--chain"]
        fake, integer = result(*words), result(*words, "--engine", "integer")
        self.assertGreater(fake["accuracy"], 0.92)
        for name in ("correct", "mean_logit_error", "chain"):
            self.assertEqual(integer[name], fake[name])
        self.refuses("eval", "--model", "mlp", "--weight-scheme", "int8",
                     "--act-scheme", "int8/token", "--chain",
                     says=["chained network", "int8/token", "expected"])
        for weights, acts, says in (
                ("int8", "aqt:int8/channel", "input aqt:int8/channel"),
                ("int4/group32", "int8", "weights int4/group32"),
                ("fp8_e4m3", "int8", "weights fp8_e4m3"),
                ("int8", "float", "input float")):
            self.refuses("eval", "--model", "mlp", "--weight-scheme", weights,
                         "--act-scheme", acts, "--engine", "integer",
                         says=["layer fc1", says, "expected"])
        self.refuses("eval", "--model", "mlp", "--engine", "fast",
                     says=["--engine"])

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


TINY = DATA / "mlperf_tiny"


@unittest.skipUnless(TINY.exists(), "no mlperf_tiny")
class Tflite(Folder):
    KWS = ["eval", "--model", "tflite", "--weights", TINY / "kws_ref_model.tflite",
           "--data", TINY / "kws01_mfcc_int8.bin", "--labels",
           TINY / "kws01_y_labels.csv"]
    RESNET = ["eval", "--model", "tflite", "--weights",
              TINY / "pretrainedResnet_quant.tflite"]

    def test_keywords(self):
        out = result(*self.KWS)
        self.assertEqual((out["correct"], out["total"]), (902, 1000))
        self.assertEqual(out["macs"], 2656768)
        one = result(*self.KWS, "--threads", 1, "--limit", 100)
        self.assertEqual(one["total"], 100)

    @unittest.skipUnless((DATA / "cifar10").exists(), "no cifar10")
    def test_images(self):
        out = result(*self.RESNET, "--data", DATA / "cifar10")
        self.assertEqual((out["correct"], out["total"]), (8697, 10000))

    def test_bad_input(self):
        self.refuses("eval", "--model", "tflite", says=["--weights", "tflite"])
        self.refuses(*self.RESNET, says=["--data", "CIFAR-10"])
        self.refuses(*self.RESNET, "--data", "nowhere", says=["nowhere"])
        self.refuses(*self.KWS, "--act-scheme", "int8",
                     says=["--act-scheme", "int8"])
        self.refuses(*self.KWS[:5], "--data", TINY / "kws01_y_labels.csv",
                     "--labels", TINY / "kws01_y_labels.csv",
                     says=["kws01_y_labels.csv", "27048", "1000 inputs of 490"])
        self.refuses(*self.KWS[:7], "--labels", "none.csv", says=["none.csv"])
        self.refuses("eval", "--model", "mlp", "--labels", "x.csv",
                     says=["--labels", "x.csv"])
        whole = (TINY / "kws_ref_model.tflite").read_bytes()
        bad = self.dir / "bad.tflite"
        for data in (whole[:20000], b"", whole[:4] + b"TFL2" + whole[8:]):
            bad.write_bytes(data)
            self.refuses("eval", "--model", "tflite", "--weights", bad, "--data",
                         ".", says=["bad.tflite", "found", "expected"])


SPEC = {"name": "small", "model": "mlp", "cost": "linear",
        "axes": {"weight-scheme": ["float", "int8", "int4/channel", "mxfp4"],
                 "act-scheme": ["float", "int8", "fp8_e4m3"]}}


STORIES = DATA / "stories260K"
TEXT = DATA / "text/tinystories_train_2MiB.txt"
HAVE_STORIES = STORIES.exists() and TEXT.exists()


def tiny_llama(dim=8, hidden=6, layers=1, heads=2, kv_heads=1, vocab=264,
               context=64):
    kv = dim // heads * kv_heads
    floats = (vocab * dim + layers * (2 * dim + 2 * dim * dim + 2 * kv * dim +
                                      3 * hidden * dim) +
              dim + context * (dim // heads))
    return struct.pack("<7i", dim, hidden, layers, heads, kv_heads, vocab,
                       context) + struct.pack(
        f"<{floats}f", *((i * 37 % 101 - 50) / 50 for i in range(floats)))


def tokenizer(pieces=(" ", "a", "b", "ab", " a")):
    names = ["<unk>", "\n<s>\n", "\n</s>\n"]
    names += [f"<0x{i:02X}>" for i in range(256)] + list(pieces)
    return struct.pack("<i", 7) + b"".join(
        struct.pack("<fi", -i, len(n)) + n.encode()
        for i, n in enumerate(names))


class Language(Folder):
    """A model made here: small, without sense, and always there."""

    def setUp(self):
        super().setUp()
        (self.dir / "m.bin").write_bytes(tiny_llama())
        (self.dir / "t.bin").write_bytes(tokenizer())
        (self.dir / "x.txt").write_text(
            "ab abba\n<|endoftext|>\nba ba a\n<|endoftext|>\n" * 40)
        self.files = ["--weights", self.dir / "m.bin", "--tokenizer",
                      self.dir / "t.bin"]
        self.text = [*self.files, "--text", self.dir / "x.txt"]

    def test_perplexity(self):
        exact = result("perplexity", *self.text, "--threads", 1)
        self.assertGreater(exact["perplexity"], 1)
        self.assertEqual(exact["tokens"] % 40, 0)
        self.assertEqual(result("perplexity", *self.text)["nll"], exact["nll"])
        for words in (["--weight-scheme", "int4/group4"],
                      ["--act-scheme", "int8/token"],
                      ["--act-scheme", "int8", "--limit", 100],
                      ["--act-scheme", "int8", "--calibration-text",
                       self.dir / "x.txt", "--calibration", "mse"],
                      ["--multiplier", "lmul:k3"],
                      ["--multiplier", "lmul:k3", "--where", "qk|av"],
                      ["--multiplier", "truncated:t4", "--where", "dense",
                       "--weight-scheme", "int8/channel"]):
            some = result("perplexity", *self.text, *words)
            self.assertNotEqual(some["nll"], exact["nll"], words)
            self.assertEqual(result("perplexity", *self.text, *words,
                                    "--threads", 1)["nll"], some["nll"])
        conv = result("perplexity", *self.text, "--multiplier", "lmul:k3",
                      "--where", "conv")
        self.assertEqual(conv["nll"], exact["nll"])
        some = result("perplexity", *self.text, "--weight-scheme", "int4/tensor",
                      "--act-scheme", "int8/token", "--ends-scheme",
                      "int8/token")
        self.assertEqual(some["weights"], exact["weights"])
        self.assertLess(some["memory_bits"], exact["memory_bits"])
        cost = result("cost", "--model", "llama", "--weights",
                      self.dir / "m.bin")
        self.assertEqual(cost["macs"], exact["macs"])

    def test_generate(self):
        words = ["generate", *self.files, "--prompt", "ab \u00e9", "--tokens"]
        one = run(*words, 20)
        self.assertEqual(one.returncode, 0, one.stderr)
        self.assertTrue(one.stdout.startswith("ab \u00e9"))
        self.assertIn("tokens/s", one.stderr)
        self.assertIn("time to first token", one.stderr)
        self.assertEqual(run(*words, 20, "--threads", 1).stdout, one.stdout)
        drawn = run(*words, 20, "--temperature", 1, "--seed", 5)
        self.assertEqual(drawn.returncode, 0, drawn.stderr)
        self.assertEqual(run(*words, 20, "--temperature", 1, "--seed", 5,
                             "--quiet").stderr, "")
        # Stops where the context ends.
        self.assertEqual(run(*words, 1000).returncode, 0)

    def test_sweep(self):
        spec = {"name": "text", "model": "llama", "weights": "m.bin",
                "tokenizer": "t.bin", "text": "x.txt", "limit": 300,
                "cost": "bytes", "accuracy": "perplexity", "axes": {
                    "weight-scheme": ["float", "int8/channel"],
                    "act-scheme": ["float", "int8"],
                    "multiplier": ["exact", "lmul:k3", "mitchell"],
                    "where": ["all", "attention"]},
                "exclude": [{"multiplier": "exact", "where": "attention"}]}
        (self.dir / "spec.json").write_text(json.dumps(spec))
        done = run("sweep", "spec.json", "--out", "out", "--output", "json",
                   cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["finished"], 20)
        with open(self.dir / "out/points.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len({r["perplexity"] for r in rows}), 20)
        self.assertIn("Mitchell", (self.dir / "out/plot.svg").read_text())
        spec["axes"]["multiplier"] = ["lmul:k99"]
        del spec["exclude"]
        (self.dir / "spec.json").write_text(json.dumps(spec))
        self.refuses("sweep", "spec.json", "--out", "other",
                     says=["spec.json", "lmul:k99"])

    def test_bad_input(self):
        self.refuses("perplexity", says=["--weights"])
        self.refuses("perplexity", "--weights", "m.bin", says=["--tokenizer"])
        self.refuses("perplexity", *self.files, says=["--text"])
        self.refuses("perplexity", "--model", "gpt2", says=["gpt2"])
        self.refuses("perplexity", *self.files, "--text", "none.txt",
                     says=["none.txt"])
        self.refuses("perplexity", *self.text, "--multiplier", "lmull",
                     says=["lmull", "lmul"])
        self.refuses("perplexity", *self.text, "--where", "heads",
                     says=["heads", "attention"])
        self.refuses("perplexity", *self.text, "--act-scheme", "int8",
                     says=["--calibration-text", "int8/token"])
        self.refuses("generate", *self.files, "--act-scheme", "int8",
                     says=["--calibration-text"])
        self.refuses("generate", *self.files, "--temperature", "-1",
                     says=["--temperature"])
        self.refuses("generate", *self.files, "--top-p", "0", says=["--top-p"])
        self.refuses("generate", *self.files, "--prompt", "a b" * 99,
                     says=["--prompt", "64"])
        (self.dir / "x.txt").write_text("<|endoftext|>\n")
        self.refuses("perplexity", *self.text, says=["x.txt", "predict"])
        (self.dir / "t.bin").write_bytes(tokenizer("abcdefgh"))
        self.refuses("generate", *self.files, says=["t.bin", "267", "264"])
        (self.dir / "m.bin").write_bytes(tiny_llama()[:-1])
        self.refuses("generate", *self.files, says=["m.bin", "size"])
        self.refuses("cost", "--model", "llama", says=["--weights"])
        (self.dir / "config.json").write_text('{"model_type": "bert"}')
        self.refuses("cost", "--model", "llama", "--weights", self.dir,
                     says=["config.json", "bert", "llama"])

    @unittest.skipUnless(HAVE_STORIES, "no stories260K")
    def test_stories260k(self):
        files = ["--weights", STORIES / "stories260K.bin", "--tokenizer",
                 STORIES / "tok512.bin"]
        done = run("generate", *files, "--tokens", 200)
        self.assertEqual(done.stdout,
                         (STORIES / "golden_greedy_text.txt").read_text())
        exact = result("perplexity", *files, "--text", TEXT, "--limit", 6500)
        self.assertAlmostEqual(exact["nll"], 1.273, delta=0.01)


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

    def test_inspect_gguf(self):
        seeds = SOURCE / "tests/fuzz/corpus/gguf"
        blocks = result("inspect", seeds / "blocks")["tensors"]
        self.assertEqual([(r["name"], r["dtype"], r["shape"], r["bytes"])
                          for r in blocks],
                         [("tq1_0", "TQ1_0", [256], 54),
                          ("tq2_0", "TQ2_0", [256], 66),
                          ("q4_0", "Q4_0", [2, 32], 36),
                          ("i2_s", "I2_S", [2, 64], 64)])
        self.assertEqual(blocks[0]["bits_per_weight"], 1.6875)
        values = result("inspect", seeds / "values")["metadata"]
        self.assertEqual(values["words"], ["a", "bc"])
        self.assertEqual(values["nested"], [[0.5]])
        self.assertEqual((values["u8"], values["bool"]), (7, True))
        rows = result("inspect", seeds / "aligned", "--scheme", "int8")["tensors"]
        self.assertGreater(rows[0]["sqnr_db"], 40)
        self.assertIsNone(rows[1]["sqnr_db"])
        whole = (seeds / "blocks").read_bytes()
        (self.dir / "bad.gguf").write_bytes(whole[:-40])
        self.refuses("inspect", "bad.gguf", says=["bad.gguf", "i2_s", "data"])
        (self.dir / "bad.gguf").write_bytes(b"GGUF" + bytes(20))
        self.refuses("inspect", "bad.gguf", says=["bad.gguf", "version", "3"])
        self.refuses("quantize", "bad.safetensors", "out", "--scheme", "int8",
                     says=["bad.safetensors"])
        self.refuses("quantize", "bad.safetensors", "out", says=["--scheme"])
        self.assertFalse((self.dir / "out").exists())


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
