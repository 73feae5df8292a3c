#!/usr/bin/env python3
"""nibble train from outside: runs, resumes, kills, bad input.

usage: train_command_test.py NIBBLE
"""
import csv
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

NIBBLE = sys.argv[1]
SCHEMES = ("--weight-scheme", "int4/channel", "--act-scheme", "uint4",
           "--ends-scheme", "int8")


def run(*words, **more):
    return subprocess.run([NIBBLE, *map(str, words)], capture_output=True,
                          text=True, timeout=300, **more)


def limit_files(size):
    def apply():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return apply


class Train(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)

    def train(self, out, *words, **more):
        return run("train", "--out", self.dir / out, "--output", "json",
                   "--quiet", *words, **more)

    def trained(self, out, *words):
        done = self.train(out, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refuses(self, *words, says, code=2, out="refused", **more):
        done = self.train(out, *words, **more)
        self.assertEqual(done.returncode, code, done.stderr)
        for text in says:
            self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")

    # CIFAR-10's files, a few images each.
    def cifar(self, images=40, label=None):
        folder = self.dir / "cifar"
        folder.mkdir(exist_ok=True)
        rng = random.Random(1)
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
        for name in names:
            records = b""
            for i in range(images):
                tint = i % 10 * 20
                records += bytes([i % 10 if label is None else label])
                records += bytes(tint + rng.randrange(56) for _ in range(3072))
            (folder / name).write_bytes(records)
        return folder

    def bytes_of(self, out):
        return (self.dir / out / "weights.safetensors").read_bytes()

    def test_reports_what_eval_finds(self):
        for recipe in ("plain", "aqt", "lsq", "pact", "dorefa"):
            got = self.trained(recipe, "--epochs", 8, "--lr", 0.05, "--batch", 32,
                               "--recipe", recipe, "--freeze-epoch", 2,
                               *SCHEMES[:4])
            self.assertGreater(got["accuracy"], 0.8, recipe)
            again = run("eval", "--model", "mlp", "--weights",
                        got["weights_file"], "--output", "json")
            again = json.loads(again.stdout)
            self.assertEqual(got["correct"], again["correct"], recipe)
            # Both of its layers are ends.
            self.assertIn("4", again["ends_scheme"])
        rows = list(csv.DictReader((self.dir / "aqt" / "log.csv").open()))
        self.assertEqual([r["epoch"] for r in rows],
                         [str(i) for i in range(1, 9)])
        self.assertIn("<svg", (self.dir / "aqt" / "curve.svg").read_text())

    def test_kinds_of_layers(self):
        # As many images as a checkpoint at each step makes quick.
        data = self.cifar()
        for model in ("resnet8", "resnet14"):
            got = self.trained(model, "--model", model, "--width", 0.25, "--data",
                               data, "--batch", 100, *SCHEMES, "--recipe", "aqt")
            again = run("eval", "--model", model, "--width", 0.25, "--weights",
                        got["weights_file"], "--data", data, "--output", "json")
            self.assertEqual(got["correct"], json.loads(again.stdout)["correct"])
            more = self.trained(model + "-on", "--model", model, "--width", 0.25,
                                "--data", data, "--from", got["weights_file"])
            self.assertEqual(more["total"], 40)

    def test_killed_at_any_moment_it_goes_on_to_the_same_bits(self):
        words = ["--model", "resnet8", "--width", 0.25, "--data", self.cifar(),
                 "--batch", 50, "--epochs", 6, "--recipe", "lsq", *SCHEMES,
                 "--checkpoint-steps", 1]
        start = time.time()
        whole = self.trained("whole", *words)
        length = time.time() - start
        rng = random.Random(3)
        kills = 0
        for _ in range(60):
            child = subprocess.Popen(
                [NIBBLE, "train", "--out", str(self.dir / "killed"), "--resume",
                 "--quiet", *map(str, words)], stdout=subprocess.DEVNULL)
            try:
                child.wait(timeout=rng.uniform(0.2, 0.7) * length)
                break
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                child.wait()
                kills += 1
        self.assertEqual(child.returncode, 0)
        self.assertGreater(kills, 0)
        self.assertEqual(self.bytes_of("whole"), self.bytes_of("killed"))
        again = self.trained("killed", "--resume", *words)
        self.assertEqual(whole["correct"], again["correct"])

    def test_interrupt_saves(self):
        words = ["--model", "resnet8", "--width", 0.25, "--data", self.cifar(),
                 "--batch", 50, "--epochs", 500]
        child = subprocess.Popen(
            [NIBBLE, "train", "--out", str(self.dir / "out"), *map(str, words)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        child.stderr.readline()  # an epoch has ended
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 1)
        self.assertIn("--resume", err)
        self.assertTrue((self.dir / "out" / "checkpoint.safetensors").exists())

    def test_full_disk_keeps_the_checkpoint(self):
        words = ["--epochs", 2]
        self.trained("out", *words)
        file = self.dir / "out" / "checkpoint.safetensors"
        before = file.read_bytes()
        shutil.copytree(self.dir / "out", self.dir / "more")
        # A new run in a folder whose disk takes 4 KiB.
        done = self.train("small", *words, preexec_fn=limit_files(4096))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("checkpoint.safetensors", done.stderr)
        self.assertEqual(list((self.dir / "small").glob("*.safetensors")), [])
        self.assertEqual(file.read_bytes(), before)

    def test_loss_that_is_not_finite(self):
        self.refuses("--lr", 1e30, "--checkpoint-steps", 1, "--epochs", 3, code=1,
                     says=["step ", "fc", "not finite"], out="nan")
        self.assertTrue((self.dir / "nan" / "checkpoint.safetensors").exists())

    def test_bad_input(self):
        data = self.cifar()
        net = ["--model", "resnet20", "--width", 0.25, "--data", data]
        self.refuses("--model", "resnet20", says=["--data"])
        self.refuses("--model", "resnet20", "--data", self.dir / "none",
                     says=["none", "data_batch_1.bin"])
        self.refuses("--model", "lenet", "--data", data,
                     says=["train-images-idx3-ubyte"])
        self.refuses("--model", "resnet50", says=["--model"])
        self.refuses("--width", 8, says=["--width"])
        self.refuses(*net, "--act-scheme", "uint4", says=["conv1", "negative"])
        self.refuses("--weight-scheme", "int3x", says=["int3x", "position 4"])
        self.refuses("--recipe", "lsqq", says=["lsqq", "lsq-rounded"])
        self.refuses("--recipe", "aqt", "--weight-scheme", "mxfp4",
                     says=["fc1", "integers"])
        self.refuses("--epochs", 0, says=["epochs"])
        self.refuses("--act-scheme", "uint4", "--freeze-epoch", 0,
                     says=["freeze"])
        self.refuses("--distillation", 0.5, says=["--teacher"])
        self.trained("mlp")
        weights = self.dir / "mlp" / "weights.safetensors"
        self.refuses(*net, "--from", weights, says=["conv1.weight"])
        self.refuses(*net, "--teacher", weights, says=["conv1.weight"])
        self.refuses("--from", self.dir / "none", says=["none"])
        self.refuses(says=["--resume"], out="mlp")
        self.refuses("--resume", "--seed", 2, says=["seed=1", "seed=2"],
                     out="mlp")
        (self.dir / "file").write_text("")
        self.refuses(says=["file"], out="file")
        bad = self.cifar(label=10)
        self.refuses(*net[:-1], bad, says=["label", "10"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
