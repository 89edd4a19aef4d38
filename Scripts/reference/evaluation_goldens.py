# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of evaluation and generation: what transformers gives for the small models.

    python Scripts/reference/evaluation_goldens.py [Tests/EvaluationTests/Goldens]

Needs torch and transformers, and the models that `model_goldens.py` wrote. Writes
  evaluation.json  for each model a row of tokens; the sum of -log p over all tokens but the first
                   for several sliding windows, by one forward pass for each window; how many of
                   them are the likeliest; and a greedy continuation of the row's first tokens
  sampling.json    logits, and the probabilities that transformers' warpers leave
  repetition.json  logits after some tokens as transformers' processors against repetition leave them,
                   null for a token that cannot come; and greedy continuations with them
  manifest.json    versions, seed and SHA-256 of all files
"""

import hashlib
import json
import pathlib
import platform
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM
from transformers.generation import (
    NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
    TopKLogitsWarper, TopPLogitsWarper)

SEED = 20261125
TOKENS = 150
WINDOWS = [(32, 32), (32, 16), (32, 7), (24, 1), (5, 3)]
PROMPT, CONTINUATION = 5, 24
SAMPLERS = [
    (1.0, None, None), (0.5, None, None), (2.0, None, None), (1.0, 1, None), (1.0, 7, None),
    (0.7, 20, None), (1.0, None, 0.9), (1.3, None, 0.5), (1.0, None, 0.01), (0.8, 12, 0.85)]

# Penalty and size of the groups of tokens that may not come twice.
REPETITIONS = [(1.0, 0), (1.3, 0), (0.8, 0), (1.0, 1), (1.0, 2), (1.0, 3), (1.15, 2), (1.7, 4)]


def sliding_loss(model, tokens, context, stride):
    """The usual scheme: a window every `stride` tokens; the part that is scored already is context."""
    total, greedy, scored_end = 0.0, 0, 1
    for start in range(0, len(tokens) - 1, stride):
        end = min(start + context, len(tokens) - 1)
        logits = model(tokens[None, start:end], use_cache=False).logits[0].double()
        targets = tokens[start + 1:end + 1]
        first = scored_end - start - 1
        losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        total += losses[first:].sum().item()
        greedy += (logits.argmax(-1) == targets)[first:].sum().item()
        scored_end = end + 1
        if scored_end == len(tokens):
            break
    return total, greedy


def of_model(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    vocabulary = model.config.vocab_size
    # Half noise, half the model's own likeliest tokens, so that some targets are the greedy ones.
    tokens = torch.randint(0, vocabulary, (TOKENS,))
    for index in range(1, TOKENS):
        if torch.rand(()) < 0.5:
            seen = tokens[None, max(0, index - 16):index]
            tokens[index] = model(seen, use_cache=False).logits[0, -1].argmax()
    windows = []
    for context, stride in WINDOWS:
        loss, greedy = sliding_loss(model, tokens, context, stride)
        windows.append({"context": context, "stride": stride, "loss": loss, "greedy": greedy})
    prompt = tokens[None, :PROMPT]
    continuation = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=CONTINUATION,
        do_sample=False, eos_token_id=None, pad_token_id=0)[0, PROMPT:]
    return {
        "tokens": tokens.tolist(), "windows": windows, "promptCount": PROMPT,
        "continuation": continuation.tolist()}


def sampling():
    # Rounded, so that some are equal; float64, since the warpers work in the type they are given.
    logits = (torch.randn(60, dtype=torch.float64) * 2).mul(8).round().div(8)
    logits[17] = logits[31] = logits.max() - 1
    cases = []
    for temperature, top_k, top_p in SAMPLERS:
        scores = TemperatureLogitsWarper(temperature)(None, logits[None].clone())
        if top_k is not None:
            scores = keep_top_k(scores, top_k)
        if top_p is not None:
            scores = TopPLogitsWarper(top_p)(None, scores)
        cases.append({
            "temperature": temperature, "topK": top_k, "topP": top_p,
            "probabilities": scores.softmax(-1)[0].tolist()})
    return {"logits": logits.tolist(), "cases": cases}


def keep_top_k(scores, count):
    """transformers keeps every token that equals the k-th; ids decide here."""
    warped = TopKLogitsWarper(count)(None, scores.clone())
    kept = [i for i in range(scores.shape[-1]) if warped[0, i] > -torch.inf]
    kept.sort(key=lambda i: (-scores[0, i].item(), i))
    result = torch.full_like(scores, -torch.inf)
    result[0, kept[:count]] = scores[0, kept[:count]]
    return result


def repetition(folders):
    logits = torch.randn(40) * 2
    # Few different tokens, so that groups of them come again and again.
    tokens = torch.randint(0, 4, (30,)).mul(9)
    cases = []
    for penalty, size in REPETITIONS:
        for count in (0, 1, 2, 30):
            scores = logits[None].clone()
            seen = tokens[None, :count]
            if penalty != 1:
                scores = RepetitionPenaltyLogitsProcessor(penalty)(seen, scores)
            if size > 0 and count > 0:
                scores = NoRepeatNGramLogitsProcessor(size)(seen, scores)
            cases.append({
                "penalty": penalty, "size": size, "count": count,
                "scores": [None if x == -torch.inf else x for x in scores[0].tolist()]})
    continuations = []
    for folder in folders:
        model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
        prompt = torch.randint(0, model.config.vocab_size, (1, PROMPT))
        for penalty, size in [(1.3, 0), (1.0, 2), (1.2, 3)]:
            continuation = model.generate(
                prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=CONTINUATION,
                do_sample=False, eos_token_id=None, pad_token_id=0, repetition_penalty=penalty,
                no_repeat_ngram_size=size)[0, PROMPT:]
            continuations.append({
                "model": folder.name, "penalty": penalty, "size": size,
                "prompt": prompt[0].tolist(), "continuation": continuation.tolist()})
    return {
        "logits": logits.tolist(), "tokens": tokens.tolist(), "cases": cases,
        "continuations": continuations}


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    root = pathlib.Path(__file__).resolve().parents[2]
    models = root / "Tests" / "GoldenModels" / "Goldens"
    default = root / "Tests" / "EvaluationTests" / "Goldens"
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    target.mkdir(parents=True, exist_ok=True)
    names = ("gpt2", "llama", "llama-untied")
    with torch.no_grad():
        contents = {
            "evaluation.json": {name: of_model(models / name) for name in names},
            "sampling.json": sampling(),
            "repetition.json": repetition([models / name for name in names])}
    digests = {}
    for file, content in contents.items():
        (target / file).write_text(json.dumps(content) + "\n")
        digests[file] = hashlib.sha256((target / file).read_bytes()).hexdigest()
    manifest = {
        "script": "Scripts/reference/evaluation_goldens.py", "seed": SEED,
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__,
            "transformers": transformers.__version__},
        "sha256": digests}
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
