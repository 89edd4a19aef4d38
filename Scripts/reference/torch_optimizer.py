# SPDX-License-Identifier: Apache-2.0
"""Keeps the state of a torch.optim.AdamW in a safetensors file, without pickles.

    optimizer = load_adamw(model, "optimizer_torch.safetensors")
    save_adamw(optimizer, model, "optimizer_torch.safetensors", tokens=5_000_000)

The model is a transformers model whose parameters are whole tensors (no FSDP, no tensor parallelism).
"""
import json

import torch
from safetensors import safe_open
from safetensors.torch import save_file

MOMENTS = ("exp_avg", "exp_avg_sq")
NUMBERS = ("lr", "eps", "weight_decay", "lr_multiplier", "eps_multiplier")
SWITCHES = ("amsgrad", "maximize", "decoupled_weight_decay")


def plain_name(name):
    """A parameter's name without what DistributedDataParallel and torch.compile put before it."""
    for prefix in ("module.", "_orig_mod."):
        name = name.removeprefix(prefix)
    return name


def load_adamw(model, path, **options):
    """An AdamW for the model, with the state of the file; options such as fused=True go to AdamW."""
    with safe_open(path, framework="pt") as file:
        settings = json.loads(file.metadata()["adamw"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    parameters = {plain_name(name): p for name, p in model.named_parameters()}
    names = [name for group in settings["param_groups"] for name in group["params"]]
    if set(names) != set(parameters):
        raise ValueError(f"not this model's: {sorted(set(names) ^ set(parameters))[:8]}")
    groups = [
        {**group, "betas": tuple(group["betas"]), "params": [parameters[n] for n in group["params"]]}
        for group in settings["param_groups"]]
    optimizer = torch.optim.AdamW(groups, **settings.get("defaults", {}), **options)
    state = optimizer.state_dict()
    for index, name in enumerate(names):
        if f"step.{name}" in tensors:
            state["state"][index] = {
                key: tensors[f"{key}.{name}"] for key in ("step", *MOMENTS)}
    optimizer.load_state_dict(state)
    return optimizer


def save_adamw(optimizer, model, path, tokens=None, clip_grad_norm=None):
    """Writes the state of an AdamW; tokens trained on and the clip are not the optimizer's to know."""
    if not isinstance(optimizer, torch.optim.AdamW):
        raise TypeError(f"{type(optimizer).__name__} is no torch.optim.AdamW")
    names = {parameter: plain_name(name) for name, parameter in model.named_parameters()}
    tensors, counts, groups, without_state = {}, {}, [], []
    for group in optimizer.param_groups:
        groups.append({
            "params": [names[parameter] for parameter in group["params"]],
            "betas": [float(beta) for beta in group["betas"]],
            **{key: float(group[key]) for key in NUMBERS if key in group},
            **{key: bool(group[key]) for key in SWITCHES if key in group}})
        for parameter in group["params"]:
            name, state = names[parameter], optimizer.state.get(parameter)
            if not state:
                without_state.append(name)
                continue
            counts[name] = int(state["step"])
            tensors[f"step.{name}"] = torch.tensor(float(counts[name]))
            for key in MOMENTS:
                tensors[f"{key}.{name}"] = state[key].detach().float().cpu().contiguous()
    step = max(counts.values(), default=0)
    settings = {
        "format_version": 1, "optimizer": "AdamW", "step": step,
        "defaults": {key: float(optimizer.defaults[key]) for key in ("lr", "eps", "weight_decay")},
        "param_groups": groups, "without_state": without_state,
        "steps": {name: count for name, count in counts.items() if count != step}}
    if tokens is not None:
        settings["tokens"] = int(tokens)
    if clip_grad_norm is not None:
        settings["clip_grad_norm"] = float(clip_grad_norm)
    metadata = {"format": "pt", "adamw": json.dumps(settings, allow_nan=False)}
    save_file(tensors, path, metadata=metadata)
