#!/usr/bin/env python3
"""nibble perplexity and generate from outside.

usage: language_command_test.py NIBBLE SOURCE_DIR
"""
import csv
import json
import struct
import sys
import unittest

from command import DATA, Folder, result, run

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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
