#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks with Hugging Face transformers that a grown model computes what the small one does.

    check_grown.py SMALL GROWN [--text FILE | --tokens N] [--tolerance 1e-5] [--seed S]

Both models score the same tokens, in float32 and entirely in float64; compared are the logits of
the small model's vocabulary. The tolerance is for the largest difference, relative to the small
model's largest logit where that is above 1. Exits with 1 above it, and where transformers finds
tensors missing, left over, or of another shape than config.json says.
"""

import argparse
import contextlib
import pathlib
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from exact_float64 import in_float64


def open_model(path, dtype):
    model, info = AutoModelForCausalLM.from_pretrained(
        path, dtype=dtype, attn_implementation="eager", experts_implementation="eager",
        output_loading_info=True)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if info.get(problem):
            sys.exit(f"{path}: {problem.replace('_', ' ')}: {sorted(map(str, info[problem]))}")
    return model.eval()


def length_limit(*paths):
    """The shortest context of the models."""
    limits = [getattr(AutoConfig.from_pretrained(path), "max_position_embeddings", None)
              for path in paths]
    return min((limit for limit in limits if limit), default=sys.maxsize)


def tokens_of_text(path, text, count):
    tokenizer = AutoTokenizer.from_pretrained(path)
    ids = tokenizer(text.read_text(encoding="utf-8"), add_special_tokens=False)["input_ids"]
    if len(ids) < 2:
        sys.exit(f"{text}: no text of at least two tokens")
    return torch.tensor([ids[:count]])


def random_tokens(vocabulary, count, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, vocabulary, (2, count), generator=generator)


@torch.no_grad()
def logits_of(path, tokens, dtype):
    with in_float64() if dtype == torch.float64 else contextlib.nullcontext():
        model = open_model(path, dtype)
        logits = model(input_ids=tokens, use_cache=False).logits
    return logits, sum(parameter.numel() for parameter in model.parameters())


def compare(small_path, grown_path, tokens, dtype):
    """The largest relative difference of the two models' logits in one type of number."""
    small, small_size = logits_of(small_path, tokens, dtype)
    grown, grown_size = logits_of(grown_path, tokens, dtype)
    if grown.shape[-1] < small.shape[-1]:
        sys.exit(f"{grown_path} has {grown.shape[-1]} tokens, {small_path} {small.shape[-1]}")
    difference = (grown[..., :small.shape[-1]].double() - small.double()).abs().max().item()
    largest = small.abs().max().item()
    same_choice = (grown[..., :small.shape[-1]].argmax(-1) == small.argmax(-1)).double().mean()
    print(f"{str(dtype).removeprefix('torch.')}: {small_size:,} and {grown_size:,} parameters,"
          f" largest difference {difference:.2e}, largest logit {largest:.3g},"
          f" same choice {same_choice:.1%}")
    return difference / max(1.0, largest)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("small")
    parser.add_argument("grown")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--text", type=pathlib.Path, help="the small model's tokenizer reads it")
    source.add_argument("--tokens", type=int, default=128, help="random, so many; default 128")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for path in (arguments.small, arguments.grown):
        if not (pathlib.Path(path) / "config.json").is_file():
            sys.exit(f"{path}: no config.json; expected a Hugging Face model directory")

    logging.disable_progress_bar()
    limit = length_limit(arguments.small, arguments.grown)
    if arguments.text:
        tokens = tokens_of_text(arguments.small, arguments.text, min(limit, 512))
    else:
        vocabulary = AutoConfig.from_pretrained(arguments.small).vocab_size
        tokens = random_tokens(vocabulary, min(limit, arguments.tokens), arguments.seed)
    print(f"{tokens.numel()} tokens in {tokens.shape[0]} sequences")
    worst = [compare(arguments.small, arguments.grown, tokens, dtype)
             for dtype in (torch.float64, torch.float32)]
    # Written so that a NaN fails.
    agree = all(difference <= arguments.tolerance for difference in worst)
    print(f"They {'agree' if agree else 'DIFFER'} (tolerance {arguments.tolerance:.0e})")
    sys.exit(not agree)


if __name__ == "__main__":
    main()
