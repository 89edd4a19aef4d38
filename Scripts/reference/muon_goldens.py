# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of Muon: ten steps of torch.optim.Muon for the blocks' matrices, and of AdamW for
the rest, on the models that model_goldens.py made.

    python Scripts/reference/muon_goldens.py [Tests/GoldenModels/Goldens]

Writes muon.json into each model's folder. PyTorch orthogonalises in bfloat16 whatever the parameters'
type; "float32" and "float64" are the same code with that one type changed, "bfloat16" is as it comes.
"""

import json
import pathlib
import sys

import safetensors.torch
import torch
from torch.optim import _muon

from model_goldens import (
    BETAS, CLIP, EPSILON, LEARNING_RATES, MODELS, WEIGHT_DECAY, llama_in_float64, loss_of)

MOMENTUM, ITERATIONS = 0.95, 5


class TorchWithOtherHalf:
    """torch, but for the type that its Muon takes for bfloat16."""

    def __init__(self, dtype):
        self.bfloat16 = dtype

    def __getattr__(self, name):
        return getattr(torch, name)


def is_hidden(name, parameter):
    return parameter.dim() == 2 and (".h." in name or ".layers." in name)


def train(model, inputs, targets, dtype):
    _muon.torch = TorchWithOtherHalf(dtype)
    named = list(model.named_parameters())
    hidden = [p for name, p in named if is_hidden(name, p)]
    others = [p for name, p in named if not is_hidden(name, p) and p.dim() > 1]
    vectors = [p for name, p in named if p.dim() <= 1]
    muon = torch.optim.Muon(
        hidden, lr=LEARNING_RATES[0], weight_decay=WEIGHT_DECAY, momentum=MOMENTUM,
        ns_steps=ITERATIONS, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(
        [{"params": others, "weight_decay": WEIGHT_DECAY},
         {"params": vectors, "weight_decay": 0.0}],
        lr=LEARNING_RATES[0], betas=BETAS, eps=EPSILON)
    losses = []
    for step, rate in enumerate(LEARNING_RATES, start=1):
        for optimizer in (muon, adamw):
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
        loss, _ = loss_of(model, inputs[step], targets[step])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        muon.step()
        adamw.step()
        losses.append(loss.item())
    _muon.torch = torch
    norms = {name: p.detach().double().norm().item() for name, p in named}
    momenta = {
        name: muon.state[p]["momentum_buffer"].double().norm().item()
        for name, p in named if is_hidden(name, p)}
    return {"losses": losses, "finalParameterNorms": norms, "finalMomentumNorms": momenta}


def copy_of(folder, make, dtype, attention):
    model = make()
    state = safetensors.torch.load_file(folder / "model.safetensors")
    model.load_state_dict(state, strict=False)
    model.tie_weights()
    model.set_attn_implementation(attention)
    return model.to(dtype).train()


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    root = pathlib.Path(__file__).resolve().parents[2]
    default = root / "Tests" / "GoldenModels" / "Goldens"
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for name, make in MODELS.items():
        folder = target / name
        tensors = safetensors.torch.load_file(folder / "reference.safetensors")
        inputs, targets = tensors["inputs"].long(), tensors["targets"].long()
        runs = {}
        with llama_in_float64():
            runs["float64"] = train(
                copy_of(folder, make, torch.float64, "sdpa"), inputs, targets, torch.float64)
        runs["float32"] = train(
            copy_of(folder, make, torch.float32, "eager"), inputs, targets, torch.float32)
        runs["bfloat16"] = train(
            copy_of(folder, make, torch.float32, "eager"), inputs, targets, torch.bfloat16)
        golden = {
            "script": "Scripts/reference/muon_goldens.py", "torch": torch.__version__,
            "momentum": MOMENTUM, "iterations": ITERATIONS, **runs}
        (folder / "muon.json").write_text(json.dumps(golden, indent=1) + "\n")
        print(name, runs["float32"]["losses"][-1], runs["bfloat16"]["losses"][-1])


if __name__ == "__main__":
    main()
