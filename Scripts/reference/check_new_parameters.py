#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks with Hugging Face transformers that the snippet of Growing.md trains what a growth added.

    check_new_parameters.py ESPALIER

Small random models of every family get new layers, and some of them experts. The snippet, as the article
has it, then freezes all that was there: the numbers that may still learn must be just those of the
tensors that new_parameters.json names among the files' tensors. Exits with 1 where they are not.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

ARTICLE = pathlib.Path(__file__).parents[2] / "Sources/Espalier/Espalier.docc/Growing.md"
SIZES = dict(
    hidden_size=16, intermediate_size=24, num_attention_heads=4, num_hidden_layers=2, vocab_size=32,
    max_position_embeddings=32)
MODELS = {
    "gpt2": dict(n_embd=16, n_layer=2, n_head=4, n_positions=32, vocab_size=32),
    # A quarter of a head turns, in pairs.
    "gpt_neox": dict(SIZES, hidden_size=32),
    **{family: dict(SIZES, num_key_value_heads=2)
       for family in ("llama", "mistral", "qwen2", "qwen3", "gemma", "phi3", "olmo")},
    "mixtral": dict(SIZES, num_key_value_heads=2, num_local_experts=3),
}


def snippet():
    """The Python of the article that reads new_parameters.json."""
    blocks = re.findall(r"```python\n(.*?)```", ARTICLE.read_text(encoding="utf-8"), re.DOTALL)
    return next(block for block in blocks if "new_parameters.json" in block)


def sizes(directory):
    """Numbers of each tensor in the files."""
    with safe_open(directory / "model.safetensors", "pt") as file:
        return {name: file.get_tensor(name).numel() for name in file.keys()}


def check(espalier, small, options, code):
    """Whether the snippet leaves just the new numbers to learn."""
    grown = small.parent / "pro"
    subprocess.run(
        [espalier, "grow", small, "-o", grown, "--quiet", "--overwrite", *options], check=True)
    model = AutoModelForCausalLM.from_pretrained(grown)
    exec(code.replace('"pro/', f'"{grown}/'), {"json": json, "model": model})
    learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
    new = json.loads((grown / "new_parameters.json").read_text())["new_parameters"]
    expected = sum(sizes(grown)[name] for name in new)
    verdict = "right" if learning == expected > 0 else "WRONG"
    print(f"{model.config.model_type} {' '.join(options)}: {learning} of {expected} learn: {verdict}")
    return verdict == "right"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    logging.set_verbosity_error()
    code = snippet()
    results = []
    for family, keys in MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            small = pathlib.Path(folder) / "small"
            keys = dict(keys, pad_token_id=None, bos_token_id=None, eos_token_id=None)
            config = AutoConfig.for_model(family, **keys)
            AutoModelForCausalLM.from_config(config).save_pretrained(small)
            growths = [["--depth", "2"], ["--layers", "3", "--operator", "fresh"]]
            if family in ("llama", "mistral"):
                growths += [["--experts", "4:2"], ["--experts", "4:2", "--depth", "2"]]
            results += [check(sys.argv[1], small, options, code) for options in growths]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
