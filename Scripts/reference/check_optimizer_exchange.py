#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Grows a training in the middle of its way through PyTorch, and compares its two continuations.

    Scripts/reference/check_optimizer_exchange.py .build/release/espalier [NAME ...]

For small GPT-2 and Llama models in float32: 20 steps of torch.optim.AdamW on a transformers model; the
state goes to the command (`import`), which grows it by two in width and depth with its moments; the
grown state goes back (`export --optimizer torch`) and takes 20 more steps in PyTorch, and 20 in the
command's own engine (`train --continue-from`), on the same tokens. Both losses must agree to 1e-5.

On the way the plain round trips must keep every bit: PyTorch's state through the command and back, and the
command's through PyTorch and back. Those are tried with the state of other families, too.
"""
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file
from transformers.utils import logging

from torch_optimizer import load_adamw, save_adamw

STEPS, SEQUENCES, LENGTH, RATE, TOLERANCE = 20, 4, 32, 1e-3, 1e-5
SIZES = {"vocab_size": 257, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 48, "max_position_embeddings": LENGTH}
NO_IDS = {"bos_token_id": None, "eos_token_id": 256, "pad_token_id": None}
GPT2 = transformers.GPT2Config(
    vocab_size=257, n_embd=32, n_layer=2, n_head=4, n_positions=LENGTH, resid_pdrop=0.0,
    embd_pdrop=0.0, attn_pdrop=0.0, **NO_IDS)
TRAINED = {
    "gpt2": GPT2,
    "llama": transformers.LlamaConfig(**SIZES, num_key_value_heads=2, **NO_IDS),
    "llama-tied": transformers.LlamaConfig(
        **SIZES, num_key_value_heads=2, tie_word_embeddings=True, **NO_IDS),
}
CARRIED = {
    "mistral": transformers.MistralConfig(**SIZES, num_key_value_heads=2, **NO_IDS),
    "qwen2": transformers.Qwen2Config(**SIZES, num_key_value_heads=2, **NO_IDS),
    "qwen3": transformers.Qwen3Config(**SIZES, num_key_value_heads=2, head_dim=8, **NO_IDS),
    "gemma": transformers.GemmaConfig(**SIZES, num_key_value_heads=2, head_dim=8, **NO_IDS),
    "phi3": transformers.Phi3Config(**SIZES, num_key_value_heads=2, **NO_IDS),
    "gpt_neox": transformers.GPTNeoXConfig(**SIZES, **NO_IDS),
    "olmo": transformers.OlmoConfig(**SIZES, **NO_IDS),
    "mixtral": transformers.MixtralConfig(
        **SIZES, num_key_value_heads=2, num_local_experts=3, num_experts_per_tok=2, **NO_IDS),
}
RATES = {"target's rates": [], "own trajectory": ["--learning-rates", "small-trajectory"]}
WORDS = "the tree grows along its frame, tier by tier, and bears on every arm "


def text():
    """Some thousand letters that say something else in each sentence."""
    words, state, out = WORDS.split(), 1, []
    for _ in range(2000):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        out.append(words[(state >> 33) % len(words)])
    return " ".join(out)


def batches(tokens, count):
    """As a sequential stream of the command's gives them: (i·B + j)·T … + T."""
    for step in range(count):
        starts = [(step * SEQUENCES + j) * LENGTH for j in range(SEQUENCES)]
        inputs = torch.tensor([tokens[s:s + LENGTH] for s in starts])
        yield inputs, torch.tensor([tokens[s + 1:s + LENGTH + 1] for s in starts])


def train(model, optimizer, tokens, count):
    losses = []
    for inputs, targets in batches(tokens, count):
        logits = model(input_ids=inputs, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def new_optimizer(model):
    """Matrices and embeddings decay, norms and biases do not."""
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=RATE, betas=(0.9, 0.95))


def run(*words):
    words = list(map(str, words))
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(words)} failed:\n{result.stdout}{result.stderr}")


def opened(path):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        path, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    problems = {key: value for key, value in info.items() if value}
    if problems:
        sys.exit(f"{path}: {problems}")
    return model


def settings(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["adamw"])


def check_equal(one, other, what):
    """Every tensor of two safetensors files, bit for bit."""
    one, other = load_file(one), load_file(other)
    if one.keys() != other.keys():
        sys.exit(f"{what}: other tensors: {sorted(one.keys() ^ other.keys())[:8]}")
    for name, tensor in one.items():
        same = tensor.dtype == other[name].dtype and tensor.shape == other[name].shape
        if not same or tensor.numpy().tobytes() != other[name].numpy().tobytes():
            sys.exit(f"{what}: {name} differs")


def check_state(optimizer, model, path, what):
    """What the loader makes of a file is what the optimizer holds."""
    loaded = load_adamw(model, path)
    one, other = loaded.state_dict(), optimizer.state_dict()
    names = {id(p): n for n, p in model.named_parameters()}
    order = [[names[id(p)] for g in o.param_groups for p in g["params"]]
             for o in (loaded, optimizer)]
    states = [{n: s["state"].get(i) for i, n in enumerate(o)} for s, o in zip((one, other), order)]
    if sorted(order[0]) != sorted(order[1]):
        sys.exit(f"{what}: other parameters")
    for name, state in states[1].items():
        for key in ("step", "exp_avg", "exp_avg_sq"):
            if not torch.equal(states[0][name][key], state[key]):
                sys.exit(f"{what}: {key} of {name} differs")
    groups = [{id(p): group for group in o.param_groups for p in group["params"]}
              for o in (loaded, optimizer)]
    for parameter, name in names.items():
        for key in ("lr", "betas", "eps", "weight_decay"):
            one, other = (group[parameter][key] for group in groups)
            if one != other:
                sys.exit(f"{what}: {key} of {name} is {one}, not {other}")


def round_trips(espalier, folder, model, optimizer):
    """PyTorch → command → PyTorch, and command → PyTorch → command; the checkpoint's path."""
    model.save_pretrained(folder / "torch")
    save_adamw(optimizer, model, folder / "adamw.safetensors", tokens=STEPS * SEQUENCES * LENGTH)
    imported, back, again = folder / "imported", folder / "back", folder / "again"
    run(espalier, "import", folder / "torch", "--optimizer", folder / "adamw.safetensors",
        "-o", imported, "--quiet")
    run(espalier, "export", imported, "-o", back, "--optimizer", "torch", "--quiet")
    state = back / "optimizer_torch.safetensors"
    check_equal(folder / "adamw.safetensors", state, "PyTorch's state through the command")
    check_equal(folder / "torch/model.safetensors", back / "model.safetensors",
                "PyTorch's weights through the command")
    check_state(optimizer, model, state, "PyTorch's optimizer through the command")
    # The command's state through a model and an optimizer of PyTorch's.
    other = opened(back)
    other.save_pretrained(folder / "torch2")
    save_adamw(load_adamw(other, state), other, folder / "adamw2.safetensors",
               tokens=settings(state)["tokens"])
    run(espalier, "import", folder / "torch2", "--optimizer", folder / "adamw2.safetensors",
        "-o", again, "--quiet")
    for name in ("model", "optimizer"):
        check_equal(imported / f"{name}.safetensors", again / f"{name}.safetensors",
                    f"the command's {name} through PyTorch")
    states = [json.loads((path / "training_state.json").read_text()) for path in (imported, again)]
    for one in states:
        del one["status"]["lineage"]
    if states[0] != states[1]:
        sys.exit("the command's training state through PyTorch differs")
    return imported


def check_carried(espalier, folder, config):
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    optimizer = new_optimizer(model)
    train(model, optimizer, list(text().encode()), 3)
    imported = round_trips(espalier, folder, model, optimizer)
    # A grown state is PyTorch's as well.
    run(espalier, "grow", imported, "-o", folder / "grown", "--depth", "2", "--quiet")
    run(espalier, "export", folder / "grown", "-o", folder / "large", "--optimizer", "torch",
        "--quiet")
    large = opened(folder / "large")
    train(large, load_adamw(large, folder / "large/optimizer_torch.safetensors"),
          list(text().encode()), 1)


RECIPE = """version: 1
tokenizer: {{kind: bytes}}
data: {{train: [corpus.txt], validation: none, order: sequential}}
precision: fp32
batch: {{sequences: {sequences}}}
optimizer: {{beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clip: none}}
schedule: {{kind: constant, peak: {rate}}}
stop: {{after: {steps} steps}}
"""


def check_trained(espalier, folder, config, growth):
    torch.manual_seed(1)
    tokens = list(text().encode())
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    optimizer = new_optimizer(model)
    before = train(model, optimizer, tokens, STEPS)
    imported = round_trips(espalier, folder, model, optimizer)
    run(espalier, "grow", imported, "-o", folder / "grown", *growth, "--schedule", "keep",
        "--quiet")
    run(espalier, "export", folder / "grown", "-o", folder / "large", "--optimizer", "torch",
        "--quiet")
    large = opened(folder / "large")
    theirs = train(large, load_adamw(large, folder / "large/optimizer_torch.safetensors"),
                   tokens, STEPS)
    (folder / "corpus.txt").write_text(text())
    (folder / "recipe.yaml").write_text(
        RECIPE.format(sequences=SEQUENCES, rate=RATE, steps=2 * STEPS))
    run(espalier, "train", folder / "recipe.yaml", "-o", folder / "run",
        "--continue-from", folder / "grown", "--quiet")
    records = map(json.loads, (folder / "run/log.jsonl").read_text().splitlines())
    ours = [r["loss"] for r in records if r["kind"] == "step"]
    if len(ours) != STEPS:
        sys.exit(f"{len(ours)} steps in the log, expected {STEPS}")
    worst = max(abs(a - b) / max(1, abs(a)) for a, b in zip(theirs, ours))
    return before[-1], theirs, ours, worst


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    espalier, names = sys.argv[1], sys.argv[2:] or [*TRAINED, *CARRIED]
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    failures = 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            if name in CARRIED:
                check_carried(espalier, folder, CARRIED[name])
                print(f"{name:12} round trips keep every bit", flush=True)
                continue
            for title, options in RATES.items():
                place = folder / title.replace(" ", "-")
                place.mkdir()
                last, theirs, ours, worst = check_trained(
                    espalier, place, TRAINED[name], ["--width", "2", "--depth", "2", *options])
                failures += not worst <= TOLERANCE
                print(f"{name:12} {title:15} loss {last:.4f} before, PyTorch {theirs[0]:.4f} → "
                      f"{theirs[-1]:.6f}, espalier {ours[0]:.4f} → {ours[-1]:.6f}, largest "
                      f"difference {worst:.1e}{'' if worst <= TOLERANCE else '  DIFFERS'}",
                      flush=True)
    print(f"{failures} differ" if failures else "All agree")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
