# SPDX-License-Identifier: Apache-2.0
"""Records what transformers makes of `config.json` and `generation_config.json`: all families, each key
absent, null and set, and the combinations in which keys speak of one thing.

    python Scripts/reference/configuration_goldens.py [Tests/GoldenModels/Goldens/configurations.json]

Needs torch, transformers, safetensors and numpy. Each case changes some keys of its family's base file.
What transformers reads is taken from the model that it builds, not from the file; only what differs
from the base is stored. Where the function differs too, the last token's logits are stored, in float64,
for weights that `weights` fills from the tensors' names, so that no file of weights is needed.

In a case, `error` is why transformers rejects it, and `unsupported` marks what transformers computes and
Espalier refuses.
"""

import json
import pathlib
import platform
import sys
import tempfile
import warnings

import numpy
import safetensors
import safetensors.torch
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from exact_float64 import in_float64

TOKENS = [3, 1, 6, 2, 5, 0, 4, 6, 1]
ABSENT = "(absent)"

BASE = dict(
    vocab_size=7, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=1, intermediate_size=6, max_position_embeddings=24,
    bos_token_id=1, eos_token_id=2, pad_token_id=None)
BASES = {
    "gpt2": dict(
        model_type="gpt2", vocab_size=7, n_embd=8, n_layer=2, n_head=2, n_inner=6, n_positions=24,
        bos_token_id=1, eos_token_id=2),
    "llama": BASE | dict(model_type="llama"),
    "mistral": BASE | dict(model_type="mistral"),
    "qwen2": BASE | dict(model_type="qwen2"),
    "qwen3": BASE | dict(model_type="qwen3", head_dim=4),
    "gemma": BASE | dict(model_type="gemma", head_dim=4),
    "phi3": BASE | dict(model_type="phi3"),
    "gpt_neox": {key: value for key, value in BASE.items() if key != "num_key_value_heads"} | dict(
        model_type="gpt_neox", hidden_size=16),
    "olmo": BASE | dict(model_type="olmo"),
    "mixtral": BASE | dict(model_type="mixtral", num_local_experts=3),
}

# Values that each key is set to in every family, whether or not the family has the key; null and
# absent come by themselves.
VALUES = {
    "vocab_size": [11], "hidden_size": [16], "num_hidden_layers": [1], "num_attention_heads": [4],
    "num_key_value_heads": [2], "head_dim": [4, 8], "intermediate_size": [10],
    "max_position_embeddings": [48], "n_embd": [16], "n_layer": [1], "n_head": [4], "n_inner": [10],
    "n_positions": [48], "n_ctx": [48],
    "rms_norm_eps": [1e-2], "layer_norm_eps": [1e-2], "layer_norm_epsilon": [1e-2],
    "hidden_act": ["silu", "swish", "gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast",
                   "gelu_python", "gelu_python_tanh", "gelu_accurate", "relu", "quick_gelu",
                   "no_such"],
    "hidden_activation": ["gelu", "silu"], "activation_function": ["gelu", "silu", "gelu_fast", "relu"],
    "attention_bias": [True, False], "mlp_bias": [True], "bias": [True],
    "rope_theta": [300.0, 500], "rotary_emb_base": [300.0], "rotary_pct": [0.5, 1.0],
    "partial_rotary_factor": [0.5, 1.0], "original_max_position_embeddings": [12],
    "sliding_window": [3], "use_sliding_window": [True, False], "max_window_layers": [0, 1],
    "layer_types": [["full_attention"] * 2, ["sliding_attention"] * 2,
                    ["full_attention", "sliding_attention"], ["full_attention"],
                    ["no_such", "full_attention"], ["attention", "attention"]],
    "tie_word_embeddings": [True, False], "dtype": ["bfloat16"], "torch_dtype": ["float16"],
    "bos_token_id": [3], "eos_token_id": [4, [4, 5]], "pad_token_id": [0],
    "attention_dropout": [0.25], "hidden_dropout": [0.25], "resid_pdrop": [0.25],
    "embd_pdrop": [0.25], "attn_pdrop": [0.25],
    "use_parallel_residual": [False, True], "clip_qkv": [0.1], "is_causal": [False, True],
    "use_bidirectional_attention": [True, False], "is_encoder_decoder": [False],
    "scale_attn_weights": [False, True], "scale_attn_by_inverse_layer_idx": [True, False],
    "reorder_and_upcast_attn": [True], "add_cross_attention": [False],
    "num_local_experts": [2], "num_experts": [2], "num_experts_per_tok": [1], "pretraining_tp": [2],
    "qk_norm": [True], "use_qkv_bias": [True], "logit_scale": [2.0], "embedding_multiplier": [3.0],
}

DEFAULT = {"rope_type": "default"}
LINEAR = {"rope_type": "linear", "factor": 2.5}
LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
ORIGINAL = {"original_max_position_embeddings": 6}


def rotary_changes():
    """Every way to say how positions turn."""
    tables = [
        {}, {"rope_theta": 500.0}, {"factor": 4.0}, DEFAULT, DEFAULT | {"rope_theta": 500.0},
        {"type": "default", "rope_theta": 500.0}, LINEAR, LINEAR | {"rope_theta": 500.0},
        {"type": "linear", "factor": 2.5}, {"type": "default"} | LINEAR,
        DEFAULT | {"type": "linear", "factor": 2.0}, {"type": "linear"}, {"rope_type": None},
        {"type": None}, {"rope_type": "linear", "factor": "2"}, LLAMA3 | ORIGINAL, LLAMA3,
        LLAMA3 | ORIGINAL | {"rope_theta": 500.0}, {"rope_type": "llama3", "factor": 4.0},
        {"rope_type": "dynamic", "factor": 2.0}, {"rope_type": "yarn", "factor": 2.0} | ORIGINAL,
        {"rope_type": "longrope", "short_factor": [1.0, 1.0], "long_factor": [2.0, 2.0],
         "factor": 2.0} | ORIGINAL,
        {"type": "su", "short_factor": [1.0], "long_factor": [2.0]}, {"rope_type": "no_such"},
        DEFAULT | {"rope_theta": None}, DEFAULT | {"partial_rotary_factor": 0.5},
        LINEAR | {"partial_rotary_factor": 0.5}, DEFAULT | {"partial_rotary_factor": None},
        {"full_attention": DEFAULT | {"rope_theta": 500.0}},
    ]
    for table in tables:
        for key in ("rope_scaling", "rope_parameters"):
            yield {key: table}
            yield {key: table, "rope_theta": 300.0}
    yield {"rope_scaling": DEFAULT | {"rope_theta": 500.0},
           "rope_parameters": DEFAULT | {"rope_theta": 700.0}}
    yield {"rope_scaling": {}, "rope_parameters": DEFAULT | {"rope_theta": 700.0}}
    yield {"rope_scaling": None, "rope_parameters": LINEAR}
    yield {"rope_scaling": LINEAR, "rope_parameters": None}
    yield {"rope_scaling": LINEAR, "rope_parameters": DEFAULT | {"rope_theta": 700.0}}
    yield {"rope_scaling": 4}
    yield {"rope_scaling": LLAMA3, "max_position_embeddings": 12}
    for key in ("rope_scaling", "rope_parameters"):
        yield {key: LLAMA3, "original_max_position_embeddings": 6}
        yield {key: LLAMA3 | ORIGINAL, "original_max_position_embeddings": 12}
        yield {key: DEFAULT | {"rope_theta": 500.0}, "rope_theta": None}
        yield {key: DEFAULT, "partial_rotary_factor": 0.5}
        yield {key: DEFAULT | {"partial_rotary_factor": 1.0}, "partial_rotary_factor": 0.5}
        yield {key: LINEAR, "partial_rotary_factor": 0.5}
        yield {key: DEFAULT, "rotary_emb_base": 300.0, "rotary_pct": 0.5}
        yield {key: DEFAULT | {"rope_theta": 500.0, "partial_rotary_factor": 1.0},
               "rotary_emb_base": 300.0, "rotary_pct": 0.5}
    yield {"rope_theta": 300.0, "rotary_emb_base": 500.0}


def window_changes():
    """Every way to say how far a token sees."""
    full, sliding = ["full_attention"] * 2, ["sliding_attention"] * 2
    for switch in (ABSENT, True, False):
        for size in (ABSENT, None, 3):
            for before in (ABSENT, 0, 1, 2, 5):
                yield {"use_sliding_window": switch, "sliding_window": size,
                       "max_window_layers": before}
            for types in (full, sliding, ["full_attention", "sliding_attention"], None):
                yield {"use_sliding_window": switch, "sliding_window": size, "layer_types": types}
    for types in (full, sliding, ["full_attention", "sliding_attention"], None):
        yield {"layer_types": types, "head_dim": 4, "sliding_window": 3}
    yield {"layer_types": sliding, "head_dim": 4, "sliding_window": None}


def size_changes():
    """Sizes that follow from each other, or contradict each other."""
    for heads in (ABSENT, None, 2, 3, 8):
        yield {"num_attention_heads": 4, "num_key_value_heads": heads}
    for head in (ABSENT, None, 4, 6):
        yield {"hidden_size": 9, "head_dim": head}
        yield {"n_embd": 9, "head_dim": head}
        yield {"hidden_size": 12, "head_dim": head}
    yield {"hidden_size": 16, "n_embd": 8}
    yield {"num_local_experts": 2, "num_experts": 3}
    yield {"n_positions": ABSENT, "n_ctx": 48}
    yield {"dtype": "float16", "torch_dtype": "bfloat16"}
    yield {"dtype": None, "torch_dtype": "bfloat16"}
    yield {"hidden_act": "gelu", "hidden_activation": "silu"}
    yield {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}


# What transformers computes, perhaps only with some of its attentions, and a program of Espalier's does
# not: values, and the families that heed the key (None for all).
UNSUPPORTED = {
    "clip_qkv": ([0.1], ["olmo"]), "is_causal": ([False, None], None),
    "use_bidirectional_attention": ([True], ["gemma"]),
    "scale_attn_weights": ([False], ["gpt2"]), "scale_attn_by_inverse_layer_idx": ([True], ["gpt2"]),
    "reorder_and_upcast_attn": ([True], ["gpt2"]),
}


def changes():
    for key, values in VALUES.items():
        for value in [ABSENT, None, *values]:
            yield {key: value}
    yield from rotary_changes()
    yield from window_changes()
    yield from size_changes()


def settings_of(family, change):
    settings = BASES[family] | change
    return {key: value for key, value in settings.items() if value != ABSENT}


# What transformers makes of a file

def attention(layer):
    return layer.attn if hasattr(layer, "attn") else (
        layer.attention if hasattr(layer, "attention") else layer.self_attn)


def has_bias(module, *names):
    modules = [getattr(module, name) for name in names if hasattr(module, name)]
    return any(getattr(module, "bias", None) is not None for module in modules)


def activation(function):
    x = torch.linspace(-3, 3, 25, dtype=torch.float64)
    functional = torch.nn.functional
    for name, expected in {
            "silu": functional.silu(x), "gelu": functional.gelu(x),
            "geluTanh": functional.gelu(x, approximate="tanh")}.items():
        if torch.allclose(function(x), expected, rtol=0, atol=1e-8):
            return name
    return "another"


def epsilon(norm):
    # OLMo's is fixed.
    return next(
        (getattr(norm, name) for name in ("variance_epsilon", "eps") if hasattr(norm, name)), 1e-5)


def windows(config, family):
    count = config.num_hidden_layers
    if family in ("qwen2", "qwen3") or config.model_type == "ministral":
        return [config.sliding_window if kind == "sliding_attention" else None
                for kind in config.layer_types]
    return [getattr(config, "sliding_window", None)
            if family in ("mistral", "mixtral", "phi3") else None] * count


def frequencies(base, config):
    with in_float64():
        return [float(value) for value in type(base.rotary_emb)(config).inv_freq]


def reading(config, model, family):
    """What a model is, by its parts."""
    base = model.get_submodule(model.base_model_prefix)
    layers = base.h if family == "gpt2" else base.layers
    first, attend = layers[0], attention(layers[0])
    mlp = getattr(first, "mlp", None)
    head = attend.head_dim if hasattr(attend, "head_dim") else attend.head_size
    shared = config.num_attention_heads
    keys = (attend.k_proj.out_features // head if hasattr(attend, "k_proj")
            else config.num_key_value_heads if family == "phi3" else shared)
    act = getattr(mlp, "act_fn", None) or getattr(mlp, "act", None) or getattr(
        mlp, "activation_fn", None) or getattr(getattr(mlp, "experts", None), "act_fn", None)
    embedding = model.get_input_embeddings().weight
    seen = set(windows(config, family))
    result = {
        "layers": len(layers), "hidden": embedding.shape[1], "heads": shared, "keyValueHeads": keys,
        "headSize": head, "vocabulary": embedding.shape[0],
        "context": config.max_position_embeddings,
        "intermediate": (
            config.n_inner or 4 * config.n_embd if family == "gpt2" else config.intermediate_size),
        "epsilon": epsilon(model.get_submodule(
            model.base_model_prefix + "." + next(
                name for name in ("norm", "ln_f", "final_layer_norm") if hasattr(base, name)))),
        "activation": activation(act),
        "attentionBias": has_bias(
            attend, "q_proj", "qkv_proj", "query_key_value", "c_attn"),
        "outputBias": has_bias(attend, "o_proj", "dense", "c_proj"),
        "feedForwardBias": has_bias(
            mlp, "up_proj", "gate_up_proj", "dense_h_to_4h", "c_fc") if mlp is not None else False,
        "parallel": getattr(first, "use_parallel_residual", False),
        "window": seen.pop() if len(seen) == 1 else "mixture",
        "ties": config.tie_word_embeddings,
        "dtype": str(config.dtype).removeprefix("torch.") if config.dtype else None,
    }
    if family != "gpt2":
        result["frequencies"] = frequencies(base, config)
    if family == "gpt_neox":
        # The components that turn, of which pairs are made; not of the head, where head_dim differs.
        result["turned"] = attend.rotary_ndims
    if family == "mixtral":
        result["experts"] = [config.num_local_experts, config.num_experts_per_tok]
    return result | {"dropout": dropout(config, family)}


def dropout(config, family):
    """After the embeddings, on attention, on each branch."""
    if family == "gpt2":
        return [config.embd_pdrop, config.attn_pdrop, config.resid_pdrop]
    hidden = config.hidden_dropout if family == "gpt_neox" else 0.0
    branch = config.resid_pdrop if family == "phi3" else hidden
    return [hidden, config.attention_dropout or 0.0, branch]


def mix(values):
    """SplitMix64."""
    values = values + numpy.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return values ^ (values >> numpy.uint64(31))


def weights(name, shape, family):
    """Numbers that follow from a tensor's name: matrices in ±1/2, vectors in ±1/4, gains about one."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    count = int(numpy.prod(shape))
    # Not `seed + n` alone: two such sequences would be one, shifted.
    numbers = mix(mix(numpy.arange(count, dtype=numpy.uint64)) ^ numpy.uint64(seed))
    unit = (numbers >> numpy.uint64(44)).astype(numpy.float64) / 2**20 - 0.5
    if len(shape) == 1:
        is_gain = name.endswith("weight")
        unit = unit / 2 + (1 if is_gain and family != "gemma" else 0)
    return torch.tensor(unit.reshape(shape))


@torch.no_grad()
def logits(folder, config, family):
    """The last token's first logits, computed in float64 and rounded to eleven digits."""
    config.dtype = None
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    path = pathlib.Path(folder) / "model.safetensors"
    with safetensors.safe_open(path, "pt") as file:
        tensors = {name: weights(name, file.get_slice(name).get_shape(), family).float()
                   for name in file.keys()}
    safetensors.torch.save_file(tensors, path, {"format": "pt"})
    options = dict(attn_implementation="eager")
    if family == "mixtral":
        options["experts_implementation"] = "eager"
    state = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, **options).state_dict()
    with in_float64():
        config = AutoConfig.from_pretrained(folder)
        # The file says float32, in which even the factor on token vectors would be rounded.
        config.dtype = torch.float64
        model = AutoModelForCausalLM.from_config(config, **options).eval()
        model.load_state_dict({key: value.double() for key, value in state.items()})
        last = model(torch.tensor([TOKENS]), use_cache=False).logits[0, -1]
        assert last.dtype == torch.float64
        return [float(f"{value:.11g}") for value in last[:5].tolist()]


def result_of(family, change):
    settings = settings_of(family, change)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "config.json"
        path.write_text(json.dumps(settings))
        try:
            config = AutoConfig.from_pretrained(folder)
            with torch.device("meta"):
                model = AutoModelForCausalLM.from_config(config)
            read = reading(config, model, family)
            small = read["hidden"] < 100 and read["vocabulary"] < 100 and read["layers"] < 10 and (
                read["intermediate"] < 100)
            read["logits"] = logits(folder, AutoConfig.from_pretrained(folder), family) if small else None
            return read
        except Exception as error:  # noqa: BLE001: whatever it is, transformers does not take the file
            text = " ".join(str(error).split())
            return {"error": f"{type(error).__name__}: {text}"[:70]}


def is_unsupported(family, change, result):
    if "error" in result:
        return False
    turned = result.pop("turned", 0)
    if family == "gpt_neox" and (
            turned % 2 or change.get("head_dim", ABSENT) not in (
                ABSENT, None, result["headSize"])):
        return True
    if result["window"] == "mixture" or result["activation"] == "another":
        return True
    # Stretches that no program computes; and a table for each kind of layer, which the families here
    # pass over where they have but one kind.
    for table in (change.get("rope_scaling"), change.get("rope_parameters")):
        if family != "gpt2" and isinstance(table, dict) and (
                table.get("rope_type", table.get("type")) in ("dynamic", "yarn", "longrope", "su")
                or any(isinstance(value, dict) for value in table.values())):
            return True
    return any(
        change.get(key, ABSENT) in values and (families is None or family in families)
        for key, (values, families) in UNSUPPORTED.items())


def cases(family):
    base = result_of(family, {})
    if "error" in base:
        sys.exit(f"{family}: {base['error']}")
    base.pop("turned", None)
    yield {"family": family, "change": {}, "reads": base, "logits": base.pop("logits")}
    base_logits, seen = logits_of_base(family), set()
    for change in changes():
        change = {key: value for key, value in change.items()
                  if not (value == ABSENT and key not in BASES[family])}
        mark = json.dumps(change, sort_keys=True)
        if mark in seen or not change:
            continue
        seen.add(mark)
        result = result_of(family, change)
        case = {"family": family, "change": change}
        if "error" in result:
            yield case | {"error": result["error"]}
            continue
        own = result.pop("logits")
        if is_unsupported(family, change, result):
            yield {"family": family, "change": change, "unsupported": True}
            continue
        reads = {key: value for key, value in result.items() if value != base.get(key)}
        if reads:
            case["reads"] = reads
        if own is not None and own != base_logits:
            case["logits"] = own
        yield case


def logits_of_base(family):
    return result_of(family, {})["logits"]


# generation_config.json

def generation_cases():
    """What `generate` stops at: a config.json, perhaps a generation_config.json beside it."""
    absent = ABSENT
    ids = [absent, None, 4, [4, 5], [], "4", [4, None], -1, 4.5, True]
    pairs = [({"eos_token_id": one}, None) for one in ids]
    pairs += [({"eos_token_id": one}, {"eos_token_id": other})
              for one in (absent, None, 2, [2, 3]) for other in ids]
    pairs += [({"eos_token_id": 2, key: one}, {key: other})
              for key in ("bos_token_id", "pad_token_id")
              for one in (absent, None, 2) for other in (absent, None, 4)]
    pairs += [({"eos_token_id": 2}, {"_from_model_config": True}),
              ({"eos_token_id": 2}, {"_from_model_config": True, "eos_token_id": [3, 4]}),
              ({"eos_token_id": 2}, {"do_sample": True, "temperature": 0.7, "top_p": 0.9})]
    for config, generation in pairs:
        config = {key: value for key, value in config.items() if value != absent}
        if generation is not None:
            generation = {key: value for key, value in generation.items() if value != absent}
        yield {"config": config, "generation": generation} | generation_of(config, generation)


def generation_of(config, generation):
    base = {key: value for key, value in BASES["llama"].items() if not key.endswith("token_id")}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        AutoModelForCausalLM.from_config(AutoConfig.for_model(**base)).save_pretrained(folder)
        (folder / "config.json").write_text(json.dumps(base | config))
        (folder / "generation_config.json").unlink(missing_ok=True)
        if generation is not None:
            (folder / "generation_config.json").write_text(json.dumps(generation))
        try:
            model = AutoModelForCausalLM.from_pretrained(folder)
            effective, _ = model._prepare_generation_config(None)
            bos, pad = effective.bos_token_id, effective.pad_token_id
            model._prepare_special_tokens(effective, device="cpu")
            # Tensors make whole numbers of them.
            if isinstance(effective.eos_token_id, (bool, float)):
                return {"error": "an id is a whole number"}
            ends = effective._eos_token_tensor
            return {"bos": bos, "eos": [] if ends is None else ends.tolist(), "pad": pad}
        except Exception as error:  # noqa: BLE001
            return {"error": f"{type(error).__name__}: {error}"[:70]}


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    warnings.simplefilter("ignore")
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    root = pathlib.Path(__file__).resolve().parents[2]
    default = root / "Tests" / "GoldenModels" / "Goldens" / "configurations.json"
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    families = sys.argv[2:] or list(BASES)
    found = []
    for family in families:
        own = list(cases(family))
        found += own
        print(f"{family:10} {len(own)} cases, {sum('error' in case for case in own)} rejected,"
              f" {sum('logits' in case for case in own)} with logits", flush=True)
    write(target, families, found)


def write(target, families, found):
    """One line for each case."""
    head = {
        "script": "Scripts/reference/configuration_goldens.py",
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__,
            "transformers": transformers.__version__, "numpy": numpy.__version__,
            "safetensors": safetensors.__version__},
        "tokens": TOKENS, "bases": {family: BASES[family] for family in families}}
    def compact(value):
        return json.dumps(value, separators=(",", ":"))

    lines = compact(head)[:-1] + ',\n"cases":[\n'
    lines += ",\n".join(map(compact, found))
    lines += '\n],\n"generation":[\n'
    lines += ",\n".join(map(compact, generation_cases()))
    target.write_text(lines + "\n]}\n")


if __name__ == "__main__":
    main()
