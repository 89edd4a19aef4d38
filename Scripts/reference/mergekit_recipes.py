# SPDX-License-Identifier: Apache-2.0
"""Runs mergekit on the recipes in Tests/GrowthTests/Goldens/mergekit, and writes beside each what
came of it.

    python Scripts/reference/mergekit_recipes.py

Needs a Python of its own, with `pip install mergekit==0.1.5`; `Scripts/goldens` runs this where
MERGEKIT_PYTHON names it. The recipes' models are those of Tests/GoldenModels/Goldens/families.
NAME.json has `config`, the settings in config.json that a recipe may change, and `tensors`: type,
shape and SHA-256 of the bytes of each, in the order of the output; or `error`, where mergekit
refuses NAME.yml.
"""

import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import struct
import tempfile

import tokenizers
import torch
import transformers
import yaml
from mergekit.config import MergeConfiguration
from mergekit.io.tasks import LoaderCache
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAMILIES = ROOT / "Tests/GoldenModels/Goldens/families"
RECIPES = ROOT / "Tests/GrowthTests/Goldens/mergekit"
SETTINGS = ["num_hidden_layers", "vocab_size", "dtype", "torch_dtype", "tie_word_embeddings",
            "sliding_window", "layer_types", "max_window_layers"]


def give_tokenizer(folder):
    """A tokenizer of 77 words, fewer than the model has rows."""
    words = {word: index for index, word in enumerate(
        ["<unk>", "<s>", "</s>"] + [f"w{number}" for number in range(74)])}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=model, unk_token="<unk>", bos_token="<s>",
        eos_token="</s>").save_pretrained(folder)


def tensors_of(file):
    """Type, shape and digest of each tensor, read without any library's conversion."""
    data = file.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        yield name, {
            "dtype": entry["dtype"], "shape": entry["shape"],
            "sha256": hashlib.sha256(data[start:end]).hexdigest()}


def result_of(recipe, work):
    output = work / "output"
    shutil.rmtree(output, ignore_errors=True)
    text = recipe.read_text()
    try:
        run_merge(
            MergeConfiguration.model_validate(yaml.safe_load(text)), str(output),
            MergeOptions(quiet=True, write_model_card=False, copy_tokenizer=False,
                         clone_tensors=False))
    except Exception as error:  # Whatever it is, it is what mergekit answers.
        return {"error": f"{type(error).__name__}: {str(error).replace(str(work), '')}"}
    config = json.loads((output / "config.json").read_text())
    tensors = {}
    for file in sorted(output.glob("*.safetensors")):
        tensors |= dict(tensors_of(file))
    return {"config": {key: config[key] for key in SETTINGS if key in config},
            "files": sorted(file.name for file in output.iterdir()), "tensors": tensors}


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for family in FAMILIES.iterdir():
            if family.is_dir():
                shutil.copytree(
                    family, work / family.name,
                    ignore=shutil.ignore_patterns("expected.safetensors"))
        shutil.copytree(work / "llama", work / "llama-tokens")
        give_tokenizer(work / "llama-tokens")
        os.chdir(work)
        for recipe in sorted(RECIPES.glob("*.yml")):
            LoaderCache().flush_all()
            result = result_of(recipe, work)
            recipe.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
            print(recipe.stem, result.get("error") or f"{len(result['tensors'])} tensors",
                  result.get("config"), result.get("files"), flush=True)
        os.chdir(ROOT)
    versions = {name: importlib.metadata.version(name)
                for name in ("mergekit", "torch", "transformers", "safetensors", "tokenizers")}
    manifest = {
        "script": "Scripts/reference/mergekit_recipes.py", "seed": None,
        "versions": {"python": platform.python_version()} | versions}
    (RECIPES / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
