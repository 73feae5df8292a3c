#!/usr/bin/env python3
"""The nibble command from outside: results, exit codes, bad input.

usage: command_test.py NIBBLE SOURCE_DIR
"""
import csv
import io
import json
import signal
import struct
import subprocess
import sys
import time
import unittest

from command import DATA, ENV, NIBBLE, SOURCE, Folder, result, run


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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
