# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of the model families: one or two small random models of each, in the layout of
Hugging Face, with what transformers computes for them in float64.

    python Scripts/reference/family_goldens.py [Tests/GoldenModels/Goldens/families]

Needs torch, transformers, safetensors and numpy. For each model a folder with
  config.json, weights       as `save_pretrained` writes them; `hub_settings` in MODELS turns the
                             config's rotary settings into what older files on the Hub say
  expected.safetensors       tokens [2, 16] int32; in float64 the residual stream [2, 16, D] before
                             the first block (`hidden.0`) and after each (`hidden.1` ...), and
                             logits [2, 16, V]

`manifest.json` beside the folders has versions, seed, the SHA-256 of each file, and by how much
transformers' own float32 logits differ from `logits`.
"""

import hashlib
import json
import pathlib
import platform
import shutil
import sys

import numpy
import safetensors
import safetensors.torch
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from exact_float64 import in_float64

SEED = 20261125
SEQUENCES, LENGTH = 2, 16

# What all have, unless a model says otherwise. No token of the padding, whose row would be zero.
COMMON = dict(
    hidden_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    intermediate_size=40, vocab_size=80, max_position_embeddings=48, rms_norm_eps=2e-5,
    rope_parameters={"rope_type": "default", "rope_theta": 500.0}, tie_word_embeddings=False,
    bos_token_id=1, eos_token_id=2, pad_token_id=None)


def neox(**settings):
    """GPT-NeoX has neither grouped heads nor RMS norms."""
    common = {key: value for key, value in COMMON.items()
              if key not in ("num_key_value_heads", "rms_norm_eps")}
    return common | dict(
        model_type="gpt_neox", hidden_size=32, intermediate_size=48, layer_norm_eps=2e-5,
        bos_token_id=0, eos_token_id=0) | settings


def rotary(theta=500.0, factor=None):
    parameters = {"rope_type": "default", "rope_theta": theta}
    return parameters if factor is None else parameters | {"partial_rotary_factor": factor}


# Configurations, and how each is saved: `dtype`, `shard` (bytes), `hub_settings` (the config's
# rotary settings as older files have them).
MODELS = {
    "llama": (dict(COMMON, model_type="llama", tie_word_embeddings=True), {}),
    "llama-biases": (
        dict(COMMON, model_type="llama", attention_bias=True, mlp_bias=True), {}),
    "mistral": (
        dict(COMMON, model_type="mistral", num_hidden_layers=3, sliding_window=40),
        dict(hub_settings=lambda config: {"rope_theta": config["rope_theta"]})),
    "mistral-sliding": (dict(COMMON, model_type="mistral", sliding_window=5), {}),
    "mistral-bfloat16": (
        dict(COMMON, model_type="mistral", sliding_window=None), dict(dtype=torch.bfloat16)),
    "qwen2": (
        dict(COMMON, model_type="qwen2", tie_word_embeddings=True, use_sliding_window=False,
             sliding_window=6, max_window_layers=2), {}),
    "qwen3": (dict(COMMON, model_type="qwen3", head_dim=8), {}),
    "qwen3-sharded": (
        dict(COMMON, model_type="qwen3", head_dim=8, num_hidden_layers=3), dict(shard=25_000)),
    "gemma": (
        dict(COMMON, model_type="gemma", head_dim=8, num_key_value_heads=1,
             tie_word_embeddings=True, hidden_act="gelu_pytorch_tanh", num_hidden_layers=3), {}),
    "phi3": (
        dict(COMMON, model_type="phi3", original_max_position_embeddings=48,
             sliding_window=None, rope_parameters=rotary(factor=1.0)), {}),
    # Two heads of 16, so that the rotated quarter of a head is more than one pair.
    "gpt_neox": (
        neox(num_attention_heads=2, rope_parameters=rotary(factor=0.25)),
        dict(hub_settings=lambda config: {
            "rotary_pct": config["partial_rotary_factor"],
            "rotary_emb_base": config["rope_theta"]})),
    "gpt_neox-sequential": (
        neox(use_parallel_residual=False, rope_parameters=rotary(factor=0.5)), {}),
    "olmo": (dict(COMMON, model_type="olmo", num_key_value_heads=4), {}),
    "olmo-tied": (dict(COMMON, model_type="olmo", tie_word_embeddings=True), {}),
    "mixtral": (
        dict(COMMON, model_type="mixtral", intermediate_size=20, num_local_experts=4,
             num_experts_per_tok=2, sliding_window=None), {}),
}


def make(settings):
    config = AutoConfig.for_model(**settings)
    return AutoModelForCausalLM.from_config(
        config, attn_implementation="eager", experts_implementation="eager").eval()


def is_gain(name):
    return name.endswith("norm.weight") or "layernorm.weight" in name


def perturb(model):
    """Moves every norm, bias and weight to where it matters. Gemma's gains are 1 + weight."""
    middle = 0.0 if model.config.model_type == "gemma" else 1.0
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape)
            if is_gain(name):
                parameter.copy_(middle + (0.3 * noise).clamp(-0.6, 0.6))
            elif parameter.dim() == 1:
                parameter.copy_(0.2 * noise)
            else:
                parameter.copy_(noise * parameter.shape[-1] ** -0.5)


@torch.no_grad()
def compute(model, tokens):
    """The logits, and the residual stream before the first block and after each."""
    base = model.get_submodule(model.base_model_prefix)
    hidden, hooks = [], []
    hooks.append(base.layers[0].register_forward_pre_hook(
        lambda _, arguments: hidden.append(arguments[0].clone())))
    for layer in base.layers:
        hooks.append(layer.register_forward_hook(
            lambda _, __, output: hidden.append(
                (output[0] if isinstance(output, tuple) else output).clone())))
    logits = model(input_ids=tokens, use_cache=False).logits
    for hook in hooks:
        hook.remove()
    return logits, hidden


def exact(settings, state, tokens):
    """What `compute` gives in float64, for parameters rounded as they are saved."""
    with in_float64():
        model = make(settings)
        model.load_state_dict({key: value.double() for key, value in state.items()})
        logits, hidden = compute(model.double(), tokens)
    assert all(value.dtype == torch.float64 for value in [logits, *hidden])
    return logits, hidden


def save(model, folder, options):
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, max_shard_size=options.get("shard", "1GB"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if "hub_settings" in options:
        path = folder / "config.json"
        config = json.loads(path.read_text())
        config |= options["hub_settings"](config.pop("rope_parameters"))
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def reopened_logits(folder, tokens):
    """What transformers computes in float32 for the files as they lie there."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager")
    return compute(model.eval(), tokens)[0]


def write(folder, name, settings, options):
    torch.manual_seed(SEED)
    model = make(settings)
    perturb(model)
    model.to(options.get("dtype", torch.float32))
    tokens = torch.randint(3, model.config.vocab_size, (SEQUENCES, LENGTH))
    save(model, folder, options)

    logits, hidden = exact(settings, model.state_dict(), tokens)
    error = (reopened_logits(folder, tokens).double() - logits).abs().max().item()
    if error > 1e-5:
        sys.exit(f"{name}: the saved model's logits differ from the golden ones by {error:.1e}")
    tensors = {"tokens": tokens.int(), "logits": logits.contiguous()}
    tensors |= {f"hidden.{index}": value for index, value in enumerate(hidden)}
    safetensors.torch.save_file(tensors, folder / "expected.safetensors")
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{name:20} {size // 1000:4} kB, float32 error {error:.0e},"
          f" logits' deviation {logits.std():.2f}, streams'"
          f" {' '.join(f'{value.std():.2f}' for value in hidden)}")
    return {
        "float32LogitError": error,
        "sha256": {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(folder.iterdir())}}


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    logging.disable_progress_bar()
    root = pathlib.Path(__file__).resolve().parents[2]
    default = root / "Tests" / "GoldenModels" / "Goldens" / "families"
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    models = {
        name: write(target / name, name, settings, options)
        for name, (settings, options) in MODELS.items()}
    # Not in the models' folders: a checkpoint with a manifest is one of Espalier's training runs.
    manifest = {
        "script": "Scripts/reference/family_goldens.py", "seed": SEED,
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__,
            "transformers": transformers.__version__, "numpy": numpy.__version__,
            "safetensors": safetensors.__version__},
        "models": models}
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
