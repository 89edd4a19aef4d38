# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of whole models: what PyTorch and transformers compute for three small ones.

    python Scripts/reference/model_goldens.py [Tests/GoldenModels/Goldens]

Needs torch, transformers, safetensors and numpy. For each model a folder with
  config.json, model.safetensors   exactly as `save_pretrained` writes them
  reference.safetensors            inputs, targets [11, 3, 24] int32 (target -1 is ignored);
                                   logits [3, 24, V] of batch 0; `gradients.NAME` and
                                   `gradients64.NAME` of its mean loss, in float32 and float64
  reference.json                   losses, and ten AdamW steps over batches 1 ... 10
  manifest.json                    versions, seed and SHA-256 of each file
"""

import contextlib
import hashlib
import json
import pathlib
import platform
import sys

import numpy
import safetensors
import safetensors.torch
import torch
import torch.nn.functional as functional
import transformers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

SEED = 20261124
SEQUENCES, LENGTH, STEPS = 3, 24, 10
LEARNING_RATES = [2e-3, 4e-3, 6e-3, 6e-3, 5e-3, 4e-3, 3e-3, 2e-3, 1e-3, 5e-4]
BETAS, EPSILON, WEIGHT_DECAY, CLIP = (0.9, 0.95), 1e-8, 0.1, 1.0

LLAMA = dict(
    hidden_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    intermediate_size=72, vocab_size=97, max_position_embeddings=32, rms_norm_eps=3e-5)

# Every value that a reader could forget to read is away from its default.
MODELS = {
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(
        n_layer=2, n_embd=40, n_head=4, n_inner=92, n_positions=32, vocab_size=131,
        bos_token_id=0, eos_token_id=0,
        layer_norm_epsilon=2e-5, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        attn_implementation="eager")),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(
        **LLAMA, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        attn_implementation="eager")),
    "llama-untied": lambda: LlamaForCausalLM(LlamaConfig(
        **LLAMA, head_dim=12, tie_word_embeddings=False,
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 1000.0, "factor": 4.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 24},
        attn_implementation="eager")),
}


def perturb(model):
    """Moves gains and biases off 1 and 0, and makes weights large enough to matter."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape)
            if parameter.dim() == 1:
                is_gain = "norm" in name or ".ln_" in name
                is_gain = is_gain and name.endswith("weight")
                parameter.copy_(1 + 0.2 * noise if is_gain else 0.1 * noise)
            else:
                is_embedding = "wte" in name or "wpe" in name or "embed_tokens" in name
                parameter.copy_((0.25 if is_embedding else 0.07) * noise)


def draw_batches(vocabulary):
    shape = (STEPS + 1, SEQUENCES, LENGTH)
    inputs = torch.randint(0, vocabulary, shape)
    targets = torch.randint(0, vocabulary, shape)
    targets[torch.rand(shape) < 0.15] = -1
    return inputs, targets


def loss_of(model, inputs, targets):
    logits = model(input_ids=inputs, use_cache=False).logits
    flat = logits.reshape(-1, logits.shape[-1])
    if flat.dtype != torch.float64:
        flat = flat.float()
    return functional.cross_entropy(flat, targets.reshape(-1), ignore_index=-1), logits


def gradients_of(model, inputs, targets, context=contextlib.nullcontext()):
    model.zero_grad()
    with context:
        loss, logits = loss_of(model, inputs, targets)
    loss.backward()
    gradients = {name: p.grad.detach().clone() for name, p in model.named_parameters()}
    return loss.item(), logits.detach(), gradients


@contextlib.contextmanager
def llama_in_float64():
    """transformers rounds Llama's norms and angles to float32 whatever the model's type."""
    norm, rotary = modeling_llama.LlamaRMSNorm.forward, modeling_llama.LlamaRotaryEmbedding.forward

    def exact_norm(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))

    def exact_rotary(self, x, position_ids, *_, **__):
        angles = position_ids.double()[:, :, None] * exact_frequencies(self.config)[None, None]
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos(), angles.sin()

    modeling_llama.LlamaRMSNorm.forward = exact_norm
    modeling_llama.LlamaRotaryEmbedding.forward = exact_rotary
    try:
        yield
    finally:
        modeling_llama.LlamaRMSNorm.forward = norm
        modeling_llama.LlamaRotaryEmbedding.forward = rotary


def exact_frequencies(config):
    parameters = config.rope_parameters
    frequencies = parameters["rope_theta"] ** (
        -torch.arange(0, config.head_dim, 2, dtype=torch.float64) / config.head_dim)
    if parameters["rope_type"] == "llama3":
        turns = parameters["original_max_position_embeddings"] * frequencies / (2 * torch.pi)
        low, high = parameters["low_freq_factor"], parameters["high_freq_factor"]
        kept = ((turns - low) / (high - low)).clamp(0, 1)
        frequencies = frequencies * (kept + (1 - kept) / parameters["factor"])
    return frequencies


def train(model, inputs, targets):
    """Ten AdamW steps; batches 1 ... 10, one each."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": WEIGHT_DECAY},
         {"params": vectors, "weight_decay": 0.0}],
        lr=LEARNING_RATES[0], betas=BETAS, eps=EPSILON)
    losses, norms = [], []
    for step, rate in enumerate(LEARNING_RATES, start=1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss, _ = loss_of(model, inputs[step], targets[step])
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        optimizer.step()
        losses.append(loss.item())
    final = {name: p.detach().double().norm().item() for name, p in model.named_parameters()}
    return {"losses": losses, "gradientNorms": norms, "finalParameterNorms": final}


def copy_of(make, model, dtype=torch.float32, attention="eager"):
    copy = make()
    copy.load_state_dict(model.state_dict())
    copy.set_attn_implementation(attention)
    return copy.to(dtype).train()


def relative_errors(gradients, exact):
    return {
        name: ((gradients[name].double() - exact[name]).norm() / exact[name].norm()).item()
        for name in exact}


def write(folder, name, make):
    torch.manual_seed(SEED)
    model = make()
    perturb(model)
    inputs, targets = draw_batches(model.config.vocab_size)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    loss, logits, gradients = gradients_of(copy_of(make, model), inputs[0], targets[0])
    half = gradients_of(
        copy_of(make, model), inputs[0], targets[0],
        torch.autocast("cpu", dtype=torch.bfloat16))
    # PyTorch's own attention kernel, since eager attention rounds its softmax to float32.
    with llama_in_float64():
        exact = gradients_of(
            copy_of(make, model, torch.float64, "sdpa"), inputs[0], targets[0])
        steps64 = train(copy_of(make, model, torch.float64, "sdpa"), inputs, targets)
    steps = train(copy_of(make, model), inputs, targets)

    tensors = {
        "inputs": inputs.int(), "targets": targets.int(), "logits": logits.contiguous(),
        "logits64": exact[1].contiguous()}
    tensors |= {f"gradients.{key}": value for key, value in gradients.items()}
    tensors |= {f"gradients64.{key}": value for key, value in exact[2].items()}
    safetensors.torch.save_file(tensors, folder / "reference.safetensors")
    reference = {
        "loss": loss, "loss64": exact[0], "lossBFloat16": half[0],
        "gradientErrors": relative_errors(gradients, exact[2]),
        "gradientErrorsBFloat16": relative_errors(half[2], exact[2]),
        "adamW": {
            "learningRates": LEARNING_RATES, "beta1": BETAS[0], "beta2": BETAS[1],
            "epsilon": EPSILON, "weightDecay": WEIGHT_DECAY, "clip": CLIP,
            "float32": steps, "float64": steps64}}
    (folder / "reference.json").write_text(json.dumps(reference, indent=2) + "\n")
    manifest = {
        "script": "Scripts/reference/model_goldens.py", "model": name, "seed": SEED,
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__,
            "transformers": transformers.__version__, "numpy": numpy.__version__,
            "safetensors": safetensors.__version__},
        "sha256": {
            file: hashlib.sha256((folder / file).read_bytes()).hexdigest()
            for file in ("config.json", "model.safetensors", "reference.json",
                         "reference.safetensors")}}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    worst = {key: max(reference[key].values())
             for key in ("gradientErrors", "gradientErrorsBFloat16")}
    print(name, f"loss {loss:.6f}", worst,
          sum(file.stat().st_size for file in folder.iterdir()) // 1000, "kB")


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    root = pathlib.Path(__file__).resolve().parents[2]
    default = root / "Tests" / "GoldenModels" / "Goldens"
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for name, make in MODELS.items():
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, name, make)


if __name__ == "__main__":
    main()
