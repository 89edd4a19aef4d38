#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a checkpoint with Hugging Face transformers as it is, and compares tokens and losses.

    check_transformers.py CHECKPOINT TEXT [--espalier PATH] [--loss LOSS] [--bytes N]

Both sides score the same text in the same windows (of the model's context, half a context apart), in
float32. Espalier's loss comes from `espalier evaluate`, or from --loss. Exits with 1 unless the two
losses, in nats per token, agree to 1e-5, and unless the two give the same tokens for some prompts and go
on from one with the same text, transformers in `pipeline("text-generation")`.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline
from transformers.utils import logging

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLERANCE = 1e-5
PROMPTS = ["The", " a  few words\n", "caf\u00e9 \u4e2d\u6587 \U0001f642", "one<|endoftext|>two", "don't 1234"]
LENGTH = 12


def windows(count, context, stride):
    """(start, end of inputs, first scored position) of each window; every token but the first is
    scored exactly once."""
    start = 0
    while True:
        end = min(start + context, count - 1)
        yield start, end, 0 if start == 0 else context - stride
        if end == count - 1:
            return
        start += stride


@torch.no_grad()
def transformers_loss(model, ids, context, stride):
    total, scored = 0.0, 0
    for start, end, first in windows(len(ids), context, stride):
        inputs = torch.tensor([ids[start:end]])
        targets = torch.tensor(ids[start + first + 1:end + 1])
        logits = model(inputs).logits[0, first:].double()
        total += torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
        scored += len(targets)
    return total / scored, scored


def espalier_result(command, checkpoint, text, stride):
    words = [command, "evaluate", checkpoint, "--text", text, "--stride", str(stride),
             "--precision", "fp32", "--json"]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(words)} failed:\n{result.stderr}")
    return find_result(json.loads(result.stdout))


def find_result(value):
    """The object that has the loss, wherever it stands in the output."""
    if isinstance(value, dict):
        if "scoredTokenCount" in value:
            return value
        value = list(value.values())
    if isinstance(value, list):
        return next(filter(None, map(find_result, value)), None)
    return None


def espalier_generation(command, checkpoint, prompt):
    words = [command, "generate", checkpoint, "--prompt", prompt, "--length", str(LENGTH), "--greedy", "--json",
             "--precision", "fp32"]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(words)} failed:\n{result.stderr}")
    return json.loads(result.stdout)


def check_tokens(command, checkpoint, tokenizer):
    """Compares the tokens of prompts, and what follows the first in each program's own way."""
    for prompt in PROMPTS:
        ours = espalier_generation(command, checkpoint, prompt)["promptTokens"]
        theirs = tokenizer(prompt)["input_ids"]
        if ours != theirs:
            sys.exit(f"The tokens of {prompt!r} DIFFER: {ours}, transformers {theirs}")
    generator = pipeline("text-generation", model=checkpoint, dtype=torch.float32)
    theirs = generator(PROMPTS[0], max_new_tokens=LENGTH, do_sample=False, return_tensors=True)
    theirs = theirs[0]["generated_token_ids"][len(tokenizer(PROMPTS[0])["input_ids"]):]
    ours = espalier_generation(command, checkpoint, PROMPTS[0])["generations"][0]["tokens"]
    if theirs and theirs[-1] == tokenizer.eos_token_id:
        theirs = theirs[:-1]
    if ours != theirs:
        sys.exit(f"What follows {PROMPTS[0]!r} DIFFERS: {ours}, the pipeline {theirs}")
    print(f"{type(tokenizer).__name__}: the same tokens, the same text in the pipeline")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--espalier", default=str(ROOT / ".build/release/espalier"))
    parser.add_argument("--loss", type=float, help="Espalier's loss, where it is known already")
    parser.add_argument("--bytes", type=int, default=100_000, help="of the text; default 100000")
    arguments = parser.parse_args()

    logging.disable_progress_bar()
    # Only valid characters, so that both sides read the very same characters.
    text = arguments.text.read_bytes()[:arguments.bytes].decode("utf-8", errors="ignore")
    tokenizer = AutoTokenizer.from_pretrained(arguments.checkpoint)
    model = AutoModelForCausalLM.from_pretrained(arguments.checkpoint, dtype=torch.float32).eval()
    if arguments.loss is None:
        check_tokens(arguments.espalier, arguments.checkpoint, tokenizer)
    ids = tokenizer(text)["input_ids"]
    context = model.config.max_position_embeddings
    stride = max(1, context // 2)
    theirs, scored = transformers_loss(model, ids, context, stride)
    print(f"transformers: {theirs:.8f} nats per token, {scored} tokens")
    ours = arguments.loss
    if ours is None:
        with tempfile.TemporaryDirectory() as folder:
            excerpt = pathlib.Path(folder) / "excerpt.txt"
            excerpt.write_text(text, encoding="utf-8", newline="")
            result = espalier_result(
                arguments.espalier, arguments.checkpoint, str(excerpt), stride)
        if result["scoredTokenCount"] != scored:
            sys.exit(f"espalier scored {result['scoredTokenCount']} tokens: the tokenizers differ")
        ours = result["loss"]
    print(f"espalier:     {ours:.8f} nats per token")
    difference = abs(ours - theirs)
    verdict = "agree" if difference <= TOLERANCE else "DIFFER"
    print(f"They {verdict}: difference {difference:.1e}, tolerance {TOLERANCE:.0e}")
    sys.exit(difference > TOLERANCE)


if __name__ == "__main__":
    main()
