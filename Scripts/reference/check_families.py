#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Grows the small models of all families with the built command, and compares each with its source in
transformers, in float64 and float32.

    Scripts/reference/check_families.py .build/release/espalier [NAME ...]

Needs torch, transformers, safetensors (requirements.txt). Exits with 1 where logits differ by more than
1e-5 of the largest.
"""

import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile

import torch
from transformers import AutoConfig
from transformers.utils import logging

from check_grown import compare, length_limit, random_tokens

FAMILIES = (pathlib.Path(__file__).resolve().parents[2]
            / "Tests/GoldenModels/Goldens/families")
GROWTHS = {
    "width": ["--width", "2"],
    "depth": ["--depth", "2"],
    "feed-forward": ["--ffn", "70"],
    "all": ["--width", "2", "--ffn", "150", "--depth", "2"],
}
EXPERTS = {"experts": ["--experts", "4:2"], "cut experts": ["--experts", "8:4", "--expert-parts", "2"]}


def check(espalier, model, arguments, folder):
    """The largest relative difference of the logits of a model and of what is grown of it."""
    grown = pathlib.Path(folder) / "grown"
    command = [espalier, "grow", str(model), "-o", str(grown), "--overwrite", "--quiet", *arguments]
    subprocess.run(command, check=True)
    limit = min(length_limit(str(model), str(grown)), 32)
    tokens = random_tokens(AutoConfig.from_pretrained(model).vocab_size, limit, 1)
    with contextlib.redirect_stdout(io.StringIO()):
        return [compare(str(model), str(grown), tokens, dtype)
                for dtype in (torch.float64, torch.float32)]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    espalier, names = sys.argv[1], sys.argv[2:]
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    names = names or sorted(path.name for path in FAMILIES.iterdir() if path.is_dir())
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            growths = dict(GROWTHS)
            if name in ("llama", "mistral"):
                growths |= EXPERTS
            for title, arguments in growths.items():
                # Rounding to sixteen bits is the file's, not the growth's.
                if "bfloat16" in name:
                    arguments = [*arguments, "--dtype", "float32"]
                exact, single = check(espalier, FAMILIES / name, arguments, folder)
                fails = not (exact <= 1e-5 and single <= 1e-5)
                failures += fails
                print(f"{name:20} {title:14} float64 {exact:.1e}  float32 {single:.1e}"
                      f"{'  DIFFERS' if fails else ''}", flush=True)
    print(f"{failures} differ" if failures else "All agree")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
