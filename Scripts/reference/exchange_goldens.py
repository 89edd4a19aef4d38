# SPDX-License-Identifier: Apache-2.0
"""Writes what transformers and PyTorch make of small models and their optimizers.

    python3 Scripts/reference/exchange_goldens.py

Tests/ArchitecturesTests/Goldens/transformers_parameters.json: `named_parameters()` of a model of each
family, names and shapes in order, with its config.json. Tests/GrowthTests/Goldens/torch: models after some
steps of torch.optim.AdamW, with the optimizer's state as torch_optimizer.py saves it.
"""
import hashlib
import json
import pathlib
import platform
import shutil

import torch
import transformers
from transformers.utils import logging

from torch_optimizer import save_adamw

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
NAMES = TESTS / "ArchitecturesTests/Goldens/transformers_parameters.json"
STATES = TESTS / "GrowthTests/Goldens/torch"
VOCABULARY, LENGTH, STEPS, SEED = 16, 8, 3, 5

IDS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
SIZES = {"vocab_size": VOCABULARY, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 12, "max_position_embeddings": LENGTH, **IDS}
GROUPED = {**SIZES, "num_key_value_heads": 1}
GPT2 = {"vocab_size": VOCABULARY, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": LENGTH,
        "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, **IDS}
CONFIGS = {
    "gpt2": transformers.GPT2Config(**GPT2),
    "gpt2-untied": transformers.GPT2Config(**GPT2, tie_word_embeddings=False),
    "llama": transformers.LlamaConfig(**GROUPED),
    "llama-tied": transformers.LlamaConfig(**GROUPED, tie_word_embeddings=True),
    "llama-biases": transformers.LlamaConfig(**GROUPED, attention_bias=True, mlp_bias=True),
    "mistral": transformers.MistralConfig(**GROUPED),
    "qwen2": transformers.Qwen2Config(**GROUPED),
    "qwen3": transformers.Qwen3Config(**GROUPED, head_dim=4),
    "gemma": transformers.GemmaConfig(**GROUPED, head_dim=4),
    "phi3": transformers.Phi3Config(**GROUPED),
    # A quarter of such small heads would be an odd number of components, which nothing turns.
    "gpt_neox": transformers.GPTNeoXConfig(**SIZES, rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "olmo": transformers.OlmoConfig(**SIZES),
    "mixtral": transformers.MixtralConfig(**GROUPED, num_local_experts=3, num_experts_per_tok=2),
}
TRAINED = ["gpt2", "mixtral"]


def new_model(config):
    torch.manual_seed(SEED)
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")


def train(model, optimizer):
    generator = torch.Generator().manual_seed(SEED)
    for _ in range(STEPS):
        ids = torch.randint(0, VOCABULARY, (2, LENGTH), generator=generator)
        optimizer.zero_grad()
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        optimizer.step()


def new_optimizer(model):
    """Three groups: a rate and an ε of their own, no decay of vectors."""
    groups = {"matrices": [], "vectors": [], "embeddings": []}
    for name, parameter in model.named_parameters():
        kind = ("embeddings" if "embed" in name or "wte" in name
                else "matrices" if parameter.dim() > 1 else "vectors")
        groups[kind].append(parameter)
    return torch.optim.AdamW([
        {"params": groups["matrices"], "weight_decay": 0.1},
        {"params": groups["vectors"], "weight_decay": 0.0},
        {"params": groups["embeddings"], "lr": 5e-4, "weight_decay": 0.2, "eps": 1e-7},
    ], lr=1e-3, betas=(0.9, 0.95))


def main():
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    NAMES.write_text(json.dumps({
        name: {
            "config": json.loads(config.to_json_string()) | {
                "architectures": [type(new_model(config)).__name__]},
            "parameters": [[n, list(p.shape)] for n, p in new_model(config).named_parameters()],
        } for name, config in CONFIGS.items()}, indent=1) + "\n")
    shutil.rmtree(STATES, ignore_errors=True)
    for name in TRAINED:
        model = new_model(CONFIGS[name])
        optimizer = new_optimizer(model)
        train(model, optimizer)
        model.save_pretrained(STATES / name)
        save_adamw(optimizer, model, STATES / name / "adamw.safetensors",
                   tokens=STEPS * 2 * LENGTH, clip_grad_norm=1.0)
    files = sorted(path for path in STATES.rglob("*") if path.is_file())
    manifest = {
        "generator": "Scripts/reference/exchange_goldens.py", "python": platform.python_version(),
        "torch": torch.__version__, "transformers": transformers.__version__, "seed": SEED,
        "files": {
            str(path.relative_to(TESTS)): {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in [NAMES, *files]}}
    (STATES / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
