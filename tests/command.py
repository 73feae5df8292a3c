"""What the tests of the nibble command share: it is run as a program, in a
folder of each test's own.

The tests' own arguments: NIBBLE SOURCE_DIR
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
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
