# SPDX-License-Identifier: Apache-2.0
"""Writes the goldens of Tests/TrainingTests: AdamW, clip and learning rates as PyTorch has them.

    python3 Scripts/reference/optimizer_goldens.py

The model is no network but a quadratic whose exact gradient is known: each target token t pulls
parameter p, element e, towards the constant pull(t, p, e); the loss of a target is half the squared
distance. The Swift tests hold the same quadratic. Everything is float64 here.
"""
import hashlib
import json
import pathlib
import platform

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "TrainingTests" / "Goldens"
VOCABULARY, HIDDEN, CONTEXT, INNER = 11, 4, 16, 8
STEPS, WARMUP, TOTAL, PEAK, FLOOR = 40, 8, 32, 0.05, 0.1
SEQUENCES, LENGTH = 4, 16

# The parameters of a GPT-2 of one block, in its program's order.
SHAPES = [
    ("transformer.wte.weight", (VOCABULARY, HIDDEN)),
    ("transformer.wpe.weight", (CONTEXT, HIDDEN)),
    ("transformer.h.0.ln_1.weight", (HIDDEN,)),
    ("transformer.h.0.ln_1.bias", (HIDDEN,)),
    ("transformer.h.0.attn.c_attn.weight", (HIDDEN, 3 * HIDDEN)),
    ("transformer.h.0.attn.c_attn.bias", (3 * HIDDEN,)),
    ("transformer.h.0.attn.c_proj.weight", (HIDDEN, HIDDEN)),
    ("transformer.h.0.attn.c_proj.bias", (HIDDEN,)),
    ("transformer.h.0.ln_2.weight", (HIDDEN,)),
    ("transformer.h.0.ln_2.bias", (HIDDEN,)),
    ("transformer.h.0.mlp.c_fc.weight", (HIDDEN, INNER)),
    ("transformer.h.0.mlp.c_fc.bias", (INNER,)),
    ("transformer.h.0.mlp.c_proj.weight", (INNER, HIDDEN)),
    ("transformer.h.0.mlp.c_proj.bias", (HIDDEN,)),
    ("transformer.ln_f.weight", (HIDDEN,)),
    ("transformer.ln_f.bias", (HIDDEN,)),
]


def pull(token, parameter, count):
    element = torch.arange(count, dtype=torch.int64)
    mixed = (token + 1) * 7919 + parameter * 104729 + element * 1299709
    return (mixed % 257 - 128).double() / 64


def start(parameter, count):
    element = torch.arange(count, dtype=torch.int64)
    return ((parameter * 31 + element * 17) % 101 - 50).double() / 128


def targets(step):
    """Targets of a step, from 0, in order; every seventh is left out."""
    return [
        -1 if (step + j) % 7 == 3 else (step * 5 + j * j * 3) % VOCABULARY
        for j in range(SEQUENCES * LENGTH)
    ]


def scheduled(kind):
    """Learning rates of PyTorch's schedulers: warm-up, then the fall, then the floor."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    rise = torch.optim.lr_scheduler.LinearLR(
        optimizer, start_factor=1 / WARMUP, end_factor=1, total_iters=WARMUP - 1)
    rates = []
    for _ in range(WARMUP):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        rise.step()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    if kind == "cosine":
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=TOTAL - WARMUP, eta_min=FLOOR * PEAK)
    else:
        fall = torch.optim.lr_scheduler.LinearLR(
            optimizer, start_factor=1, end_factor=FLOOR, total_iters=TOTAL - WARMUP)
    for _ in range(TOTAL - WARMUP):
        optimizer.step()
        fall.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates + [FLOOR * PEAK] * (STEPS - TOTAL)


def multiplier(parameter):
    return [1.0, 0.5, 2.0][parameter % 3]


def optimize(rates, clip):
    counts = [int(torch.tensor(shape).prod()) for _, shape in SHAPES]
    values = [start(p, n).requires_grad_() for p, n in enumerate(counts)]
    groups = [
        {
            "params": [value],
            # A multiplier scales the step and leaves learning rate times decay alone.
            "weight_decay": 0.1 / multiplier(p) if len(shape) > 1 else 0.0,
            "eps": 1e-3 * multiplier(p + 1),
        }
        for p, (value, (_, shape)) in enumerate(zip(values, SHAPES))
    ]
    optimizer = torch.optim.AdamW(groups, lr=1, betas=(0.9, 0.95))
    losses, norms = [], []
    for step, rate in enumerate(rates):
        for p, group in enumerate(optimizer.param_groups):
            group["lr"] = rate * multiplier(p)
        optimizer.zero_grad()
        counted = [t for t in targets(step) if t >= 0]
        loss = sum(
            0.5 * ((value - pull(t, p, counts[p])) ** 2).sum()
            for t in counted
            for p, value in enumerate(values)
        ) / len(counted)
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(values, clip)))
        losses.append(float(loss.detach()))
        optimizer.step()
    return losses, norms, [v.detach().tolist() for v in values], optimizer, values


def main():
    rates = {kind: scheduled(kind) for kind in ("cosine", "linear")}
    losses, norms, final, optimizer, values = optimize(rates["cosine"], clip=6.5)
    golden = {
        "warmup": WARMUP, "total": TOTAL, "peak": PEAK, "floor": FLOOR,
        "cosine": rates["cosine"], "linear": rates["linear"],
        "names": [name for name, _ in SHAPES], "shapes": [list(s) for _, s in SHAPES],
        "losses": losses, "gradientNorms": norms, "parameters": final,
        "firstMoments": [optimizer.state[v]["exp_avg"].tolist() for v in values],
        "secondMoments": [optimizer.state[v]["exp_avg_sq"].tolist() for v in values],
    }
    text = json.dumps(golden) + "\n"
    (ROOT / "optimizer.json").write_text(text)
    manifest = {
        "generator": "Scripts/reference/optimizer_goldens.py",
        "python": platform.python_version(), "torch": torch.__version__,
        "seed": "none; nothing is random",
        "files": {"optimizer.json": {"sha256": hashlib.sha256(text.encode()).hexdigest()}},
    }
    (ROOT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
