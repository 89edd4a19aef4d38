#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Grows a published model in all ways and compares what comes out with it.

    Scripts/reference/published_model.py MODEL
    Scripts/reference/check_published.py .build/release/espalier MODEL

For each growth, of the model's own type and of bfloat16: `espalier verify` streams both models;
transformers computes both in float64; both go on with a text, greedily. Prints a table, and exits with 1
where a guarantee is broken or a text differs. Needs torch and transformers (requirements.txt), and some
gigabytes of disk.
"""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from check_grown import compare, random_tokens

GROWTHS = {
    "width × 2": ["--width", "2"],
    "width × 2, no noise": ["--width", "2", "--symmetry", "none"],
    "width × 3": ["--width", "3"],
    "depth × 2": ["--depth", "2"],
    "feed-forward × 1.5": ["--ffn", "2304"],
    "width × 2, depth × 2": ["--width", "2", "--depth", "2"],
    "4 experts, 2 to a token": ["--experts", "4:2"],
    "50,000 tokens": ["--vocabulary", "50000"],
}
PROMPT = "The capital of France is"


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


def continuation(espalier, model):
    result = run(espalier, "generate", model, "--prompt", PROMPT, "--greedy", "--length", 40, "--json")
    if result.returncode != 0:
        return result.stderr
    return [generation["text"] for generation in json.loads(result.stdout)["generations"]]


def numbers(report):
    """float32, its bound, float64 of the logits; the replay of the files."""
    checks = {check["check"]: check for check in report["checks"]}
    logits, replay = checks["logits"], checks["replay"]
    return (logits["float32"]["value"], logits["float32Bound"]["value"], logits["float64"]["value"],
            replay["float32"]["value"])


def check(espalier, model, arguments, grown):
    run(espalier, "grow", model, "-o", grown, "--overwrite", "--quiet", *arguments).check_returncode()
    verified = run(espalier, "verify", model, grown, "--tokens", 128, "--json", "--streaming")
    tokens = random_tokens(AutoConfig.from_pretrained(model).vocab_size, 64, 1)
    with contextlib.redirect_stdout(io.StringIO()):
        other = compare(str(model), str(grown), tokens, torch.float64)
    return verified.returncode == 0, numbers(json.loads(verified.stdout)), other


def in_bfloat16(model, target):
    AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16).save_pretrained(target)
    AutoTokenizer.from_pretrained(model).save_pretrained(target)
    return target


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    espalier, model = sys.argv[1], pathlib.Path(sys.argv[2])
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    failures = 0
    print("| type | growth | logits, float32 | bound | logits, float64 | transformers, float64 of the files"
          " | files beside the growth | verdict | text |\n|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=model.resolve().parent) as folder:
        folder = pathlib.Path(folder)
        for source in (model, in_bfloat16(model, folder / "bfloat16")):
            text = continuation(espalier, source)
            for name, arguments in GROWTHS.items():
                grown = folder / "grown"
                holds, (single, bound, double, replay), other = check(
                    espalier, source, arguments, grown)
                # New tokens may be chosen, and generation computes no experts.
                speaks = not {"--experts", "--vocabulary"} & set(arguments)
                same = continuation(espalier, grown) == text if speaks else None
                failures += not holds or same is False
                kind = AutoConfig.from_pretrained(source).dtype
                print(f"| {str(kind).removeprefix('torch.')} | {name} | {single:.1e} | {bound:.1e} |"
                      f" {double:.1e} | {other:.1e} | {replay:.1e} | {'kept' if holds else 'BROKEN'} |"
                      f" {'–' if same is None else 'equal' if same else 'DIFFERS'} |", flush=True)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
