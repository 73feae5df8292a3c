#!/usr/bin/env python3
"""The README's program is tests/readme/quickstart.cpp, compiles as the README
says, and prints what the README says it prints.

usage: check.py SOURCE_DIR CXX
"""
import pathlib
import re
import subprocess
import sys
import tempfile

source, cxx = pathlib.Path(sys.argv[1]), sys.argv[2]
readme = (source / "README.md").read_text()
program = (source / "tests/readme/quickstart.cpp").read_text()

shown = re.search(r"```cpp\n(.*?)```", readme, re.S)
output = re.search(r"```cpp\n.*?```.*?```text\n(.*?)```", readme, re.S)
command = re.search(r"^\$? *(g\+\+ .*quickstart\.cpp.*)$", readme, re.M)
assert shown and output and command, "README.md: program, output or command"
assert shown[1] == program, "README.md shows another program than quickstart.cpp"
assert len(program.splitlines()) <= 15, "more than 15 lines"

with tempfile.TemporaryDirectory() as folder:
    words = command[1].split()
    assert words[0] == "g++" and words[-2] == "-o", words
    exe = f"{folder}/quickstart"
    subprocess.run([cxx, *words[1:-2], "-o", exe], cwd=source, check=True)
    printed = subprocess.run([exe], check=True, capture_output=True, text=True)
if printed.stdout != output[1]:
    sys.exit(f"README.md promises\n{output[1]}\nthe program prints\n{printed.stdout}")
print(printed.stdout, end="")
