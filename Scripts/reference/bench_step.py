#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times PyTorch's own optimizer steps of a GPT-2 on random tokens: one configuration per process.

    bench_step.py LAYERS,HEADS,WIDTH,VOCABULARY,CONTEXT,BATCH fp32|bf16 STEPS THREADS [--compile] [--muon]

A step is forward, backward, gradient clip at 1 and AdamW, as Benchmarks' StepBenchmark does it: no
dropout, tied head, attention through scaled_dot_product_attention, the fused AdamW. With --muon the
blocks' matrices are updated by torch.optim.Muon. bf16 is CPU
autocast, as PyTorch recommends it. Prints one JSON object: the seconds of each step after the
first, the last loss, peak memory.
"""

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass
class Sizes:
    layers: int
    heads: int
    width: int
    vocabulary: int
    context: int
    batch: int


class Attention(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.heads = sizes.heads
        self.inputs = nn.Linear(sizes.width, 3 * sizes.width)
        self.output = nn.Linear(sizes.width, sizes.width)

    def forward(self, x):
        batch, length, width = x.shape
        query, key, value = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.inputs(x).chunk(3, dim=-1)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.output(mixed.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.attention_norm = nn.LayerNorm(sizes.width)
        self.attention = Attention(sizes)
        self.feed_forward_norm = nn.LayerNorm(sizes.width)
        self.feed_forward = nn.Sequential(
            nn.Linear(sizes.width, 4 * sizes.width),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * sizes.width, sizes.width),
        )

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class GPT2(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.tokens = nn.Embedding(sizes.vocabulary, sizes.width)
        self.positions = nn.Embedding(sizes.context, sizes.width)
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(sizes.width)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, inputs, targets):
        x = self.tokens(inputs) + self.positions.weight[: inputs.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = functional.linear(self.norm(x), self.tokens.weight)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def make_optimizers(model, muon):
    hidden = [p for p in model.blocks.parameters() if p.dim() > 1] if muon else []
    known = {id(p) for p in hidden}
    matrices = [p for p in model.parameters() if p.dim() > 1 and id(p) not in known]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizers = [torch.optim.AdamW(groups, lr=3e-4, betas=(0.9, 0.95), fused=True)]
    if muon:
        optimizers.append(torch.optim.Muon(
            hidden, lr=3e-4, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"))
    return optimizers


def measure(sizes, precision, steps, compiles, muon):
    torch.manual_seed(0)
    model = GPT2(sizes)
    forward = torch.compile(model) if compiles else model
    optimizers = make_optimizers(model, muon)
    shape = (sizes.batch, sizes.context)
    inputs = torch.randint(0, sizes.vocabulary, shape)
    targets = torch.randint(0, sizes.vocabulary, shape)

    def step():
        model.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = forward(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        return loss.item()

    loss, seconds = step(), []
    for _ in range(steps):
        start = time.perf_counter()
        loss = step()
        seconds.append(time.perf_counter() - start)
    return seconds, loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", help="layers,heads,width,vocabulary,context,batch")
    parser.add_argument("precision", choices=["fp32", "bf16"])
    parser.add_argument("steps", type=int)
    parser.add_argument("threads", type=int)
    parser.add_argument("--compile", action="store_true", help="run through torch.compile")
    parser.add_argument("--muon", action="store_true", help="update the blocks' matrices by Muon")
    arguments = parser.parse_args()
    sizes = Sizes(*(int(part) for part in arguments.sizes.split(",")))
    torch.set_num_threads(arguments.threads)
    seconds, loss = measure(
        sizes, arguments.precision, arguments.steps, arguments.compile, arguments.muon)
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(json.dumps({"seconds": seconds, "loss": loss, "peakBytes": peak}))


if __name__ == "__main__":
    main()
