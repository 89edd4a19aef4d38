# SPDX-License-Identifier: Apache-2.0
"""Writes the safetensors files that Tests/CheckpointsTests compares with, to the byte.

Usage: python Scripts/reference/checkpoint_goldens.py
Needs torch and safetensors. The values are fixed bit patterns; there is no seed.
"""
import hashlib
import json
import pathlib
import sys

import safetensors
import torch
from safetensors.torch import save

OUT = pathlib.Path(__file__).parents[2] / "Tests" / "CheckpointsTests" / "Goldens"
DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8",
          "uint64", "uint32", "uint16", "uint8", "bool"]


def tensor(dtype, shape):
    """Counts 0, 1, 2 … in the given type; Booleans alternate."""
    count = 1
    for extent in shape:
        count *= extent
    values = torch.arange(count)
    return (values % 2 if dtype == "bool" else values).reshape(shape).to(getattr(torch, dtype))


def files():
    every = {f"every.{name}": tensor(name, (2, 3)) for name in DTYPES}
    yield "every_type.safetensors", every, None

    # Names whose order by bytes, by UTF-16 and by locale differ, and all that JSON escapes.
    names = ["b", "a", "B", "a.10", "a.9", "é", "z", "\U0001F333", "\uFFFD", "quote\"slash\\/",
             "tab\tline\n\r\b\f", "bell\x07delete\x7f", ""]
    odd = {name: tensor("float32", (index % 3,)) for index, name in enumerate(names)}
    odd["scalar"] = tensor("float32", ())
    odd["half"] = tensor("float16", (1,))
    yield "odd_names.safetensors", odd, {"format": "pt"}

    # Without tensors and with empty metadata, safetensors 0.8.0 writes JSON it cannot read itself.
    yield "nothing.safetensors", {}, {"format": "pt"}
    yield "empty_remarks.safetensors", {"a": tensor("int8", (5,))}, {}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    digests = {}
    for name, tensors, metadata in files():
        data = save(tensors, metadata)
        (OUT / name).write_bytes(data)
        digests[name] = hashlib.sha256(data).hexdigest()
    manifest = {
        "generator": "Scripts/reference/checkpoint_goldens.py",
        "versions": {"python": sys.version.split()[0], "torch": torch.__version__,
                     "safetensors": safetensors.__version__},
        "seed": None,
        "sha256": digests,
    }
    (OUT / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


main()
