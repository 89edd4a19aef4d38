#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Gives the built command small random models whose files say things in many ways, and compares it with
transformers: logits of what it grows, tokens that it generates, where texts end.

    Scripts/reference/check_configurations.py .build/release/espalier

Needs torch, transformers, safetensors (requirements.txt). Exits with 1 where anything differs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import safetensors.torch
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from configuration_goldens import BASES

TOKENS = [3, 1, 6, 2, 5, 0, 4]
# No longer than the context, beyond which espalier goes on with the last half of it.
LENGTH = 12
# The families that the CPU engine computes.
COMPUTED = ["gpt2", "llama", "mistral", "qwen2"]
LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
ROTARY = [
    {"rope_scaling": {"rope_type": "default", "rope_theta": 500.0}},
    {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}, "rope_theta": 7.0},
    {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_theta": 300.0},
    {"rope_scaling": LLAMA3},
    {"rope_scaling": LLAMA3 | {"original_max_position_embeddings": 6},
     "original_max_position_embeddings": 12},
]
OTHERS = [
    ("qwen2", {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 0}),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 2}),
    ("qwen3", {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 0}),
    ("mistral", {"sliding_window": 3}),
    ("mistral", {"sliding_window": 3, "layer_types": ["full_attention"] * 2, "head_dim": 4}),
    ("mixtral", {"sliding_window": 3}), ("phi3", {"sliding_window": 3}),
    ("qwen2", {"head_dim": 6}), ("phi3", {"head_dim": 6}), ("olmo", {"head_dim": 6}),
    ("mistral", {"hidden_size": 9}), ("gpt2", {"activation_function": "silu"}),
    ("llama", {"hidden_act": "gelu_new", "attention_bias": True, "mlp_bias": True}),
]
ENDS = [(2, None), ([2, 3], None), (None, None), (2, {}), (2, {"eos_token_id": None}),
        (2, {"eos_token_id": [4, 5]}), (None, {"eos_token_id": [0, 1, 5]})]


class Checks:
    def __init__(self, espalier, folder):
        self.espalier, self.folder = espalier, pathlib.Path(folder)
        self.count, self.failures = 0, 0

    def expect(self, holds, *what):
        self.count += 1
        if not holds:
            self.failures += 1
            print("DIFFERS", *what, flush=True)

    def run(self, *arguments):
        return subprocess.run(
            [self.espalier, *map(str, arguments)], capture_output=True, text=True, check=False)

    def model(self, family, change=None, generation=None, tensors=None):
        """A directory with a random model; `tensors` changes the file's."""
        folder = self.folder / str(self.count)
        folder.mkdir(exist_ok=True)
        settings = BASES[family] | (change or {})
        (folder / "config.json").write_text(json.dumps(settings))
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
        with torch.no_grad():
            for parameter in model.parameters():
                noise = torch.randn(parameter.shape)
                if parameter.dim() > 1:
                    parameter.copy_(noise * parameter.shape[-1] ** -0.5)
                else:
                    parameter.add_(0.2 * noise)
        model.save_pretrained(folder)
        (folder / "config.json").write_text(json.dumps(settings))
        (folder / "generation_config.json").unlink(missing_ok=True)
        if generation is not None:
            (folder / "generation_config.json").write_text(json.dumps(generation))
        if tensors is not None:
            path = folder / "model.safetensors"
            held = safetensors.torch.load_file(path)
            tensors(held)
            safetensors.torch.save_file(held, path, {"format": "pt"})
        return folder

    def growth(self, model, label, *arguments):
        grown = self.folder / "grown"
        result = self.run("grow", model, "-o", grown, "--overwrite", "--quiet", *arguments)
        if result.returncode:
            return self.expect(False, label, result.stderr)
        before, after = logits(model), logits(grown)
        error = ((before - after).abs().max() / before.abs().max()).item()
        self.expect(error < 1e-5, label, arguments, f"{error:.1e}")
        ends = [opened(path).generation_config.eos_token_id for path in (model, grown)]
        return self.expect(ends[0] == ends[1], label, "ends", ends)

    def generation(self, model, label):
        result = self.run("generate", model, "--tokens", *TOKENS, "--greedy", "--length", LENGTH,
                          "--json")
        if result.returncode:
            return self.expect(False, label, result.stderr)
        ours = json.loads(result.stdout)["generations"][0]
        theirs = opened(model).generate(
            torch.tensor([TOKENS]), do_sample=False, max_new_tokens=LENGTH, pad_token_id=0,
            attention_mask=torch.ones(1, len(TOKENS), dtype=torch.long))[0, len(TOKENS):].tolist()
        # The token that ended the text is not among ours.
        if ours["end"] == "endOfText":
            theirs = theirs[:-1]
        return self.expect(ours["tokens"] == theirs, label, ours, theirs)

    def all_of(self, family, label, **settings):
        model = self.model(family, **settings)
        self.growth(model, label, "--depth", "2")
        self.growth(model, label, "--width", "2")
        # The CPU engine computes no window that is shorter than the text.
        if family in COMPUTED and "sliding_window" not in settings.get("change", {}):
            self.generation(model, label)
        return model


def opened(folder):
    options = {"attn_implementation": "eager"}
    if "mixtral" in (folder / "config.json").read_text():
        options["experts_implementation"] = "eager"
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **options).eval()


@torch.no_grad()
def logits(folder):
    return opened(folder)(torch.tensor([TOKENS]), use_cache=False).logits[0].double()


def heads(family):
    """What puts a head of its own, and a copy of the embedding, beside the embedding."""
    head = "embed_out.weight" if family == "gpt_neox" else "lm_head.weight"
    embedding = {"gpt2": "transformer.wte.weight", "gpt_neox": "gpt_neox.embed_in.weight"}.get(
        family, "model.embed_tokens.weight")
    return (lambda held: held.update({head: torch.randn_like(held[embedding]) * 0.3}),
            lambda held: held.update({head: held[embedding].clone()}))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        checks = Checks(sys.argv[1], folder)
        for family in BASES:
            for tensors in heads(family):
                checks.all_of(family, f"{family} head", change={"tie_word_embeddings": True},
                              tensors=tensors)
            for change in ROTARY if family != "gpt2" else []:
                if family == "phi3" and "factor" in json.dumps(change):
                    continue
                model = checks.all_of(family, f"{family} {change}", change=change)
                checks.growth(model, f"{family} {change}", "--context", "48")
        for family, change in OTHERS:
            checks.all_of(family, f"{family} {change}", change=change)
        for own, generation in ENDS:
            checks.all_of("llama", f"ends {own} {generation}", change={"eos_token_id": own},
                          generation=generation)
    print(f"{checks.failures} of {checks.count} checks differ" if checks.failures
          else f"All {checks.count} checks agree")
    sys.exit(checks.failures > 0)


if __name__ == "__main__":
    main()
