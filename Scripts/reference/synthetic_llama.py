#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a random Llama in BF16 shards, of about so many parameters, for benchmarks.

    synthetic_llama.py OUT [--parameters 1e9] [--shard-bytes 1e9] [--seed S] [--layers N]

Needs numpy. Tensors are written a block of rows at a time: the memory it takes does not grow with
the model. Values are random bits, of about the size that a model's have; the head is untied,
key/value heads are grouped by four.
"""

import argparse
import json
import math
import pathlib
import struct

import numpy

HEAD_SIZE, VOCABULARY, CONTEXT, BLOCK = 64, 32000, 2048, 1 << 22


def shape_for(parameters, layers):
    """The configuration whose size comes nearest, of hidden sizes that are multiples of 256."""
    def candidates():
        for hidden in range(256, 8193, 256):
            for count in [layers] if layers else range(4, 81, 2):
                # Neither flat nor narrow, unless the depth is asked for.
                if layers or 0.5 <= hidden / (count * 80) <= 2:
                    yield hidden, count
    def distance(candidate):
        return abs(size_of(tensors_of(*candidate)) - parameters)
    return min(candidates(), key=distance)


def intermediate_of(hidden):
    return (8 * hidden // 3 + 255) // 256 * 256


def tensors_of(hidden, layers):
    """Names and shapes, in the order of the files."""
    grouped, inner = hidden // 4, intermediate_of(hidden)
    yield "model.embed_tokens.weight", (VOCABULARY, hidden)
    for index in range(layers):
        prefix = f"model.layers.{index}."
        yield prefix + "input_layernorm.weight", (hidden,)
        yield prefix + "self_attn.q_proj.weight", (hidden, hidden)
        yield prefix + "self_attn.k_proj.weight", (grouped, hidden)
        yield prefix + "self_attn.v_proj.weight", (grouped, hidden)
        yield prefix + "self_attn.o_proj.weight", (hidden, hidden)
        yield prefix + "post_attention_layernorm.weight", (hidden,)
        yield prefix + "mlp.gate_proj.weight", (inner, hidden)
        yield prefix + "mlp.up_proj.weight", (inner, hidden)
        yield prefix + "mlp.down_proj.weight", (hidden, inner)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (VOCABULARY, hidden)


def size_of(tensors):
    return sum(int(numpy.prod(shape)) for _, shape in tensors)


def shards_of(tensors, limit):
    shard, size = [], 0
    for name, shape in tensors:
        count = 2 * int(numpy.prod(shape))
        if shard and size + count > limit:
            yield shard
            shard, size = [], 0
        shard.append((name, shape))
        size += count
    yield shard


def bits_of(shape):
    """The lowest bits of a tensor's values in BF16, and which bits above them are random: gains of
    1 to 1.25, else either sign and a size of 1/4 to 2 times 1/sqrt(columns)."""
    if len(shape) == 1:
        return 0x3F80, 0x001F
    exponent = 127 - math.ceil(math.log2(shape[1]) / 2) - 1
    return exponent - exponent % 2 << 7, 0x80FF


def write_values(file, shape, generator):
    lowest, random = map(numpy.uint16, bits_of(shape))
    remaining = int(numpy.prod(shape))
    while remaining:
        count = min(BLOCK, remaining)
        values = numpy.frombuffer(generator.bytes(2 * count), numpy.uint16)
        file.write(((values & random) | lowest).astype("<u2").tobytes())
        remaining -= count


def write_shard(path, shard, generator):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shard:
        end = offset + 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in shard:
            write_values(file, shape, generator)
    return offset


def configuration(hidden, layers):
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
        "hidden_size": hidden, "num_hidden_layers": layers, "head_dim": HEAD_SIZE,
        "num_attention_heads": hidden // HEAD_SIZE,
        "num_key_value_heads": hidden // HEAD_SIZE // 4,
        "intermediate_size": intermediate_of(hidden), "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "hidden_act": "silu",
        "rope_theta": 10000.0, "tie_word_embeddings": False, "attention_bias": False,
        "mlp_bias": False, "bos_token_id": 1, "eos_token_id": 2}


def write(out, parameters, shard_bytes=10**9, seed=1, layers=None):
    hidden, layers = shape_for(parameters, layers)
    out.mkdir(parents=True)
    generator = numpy.random.Generator(numpy.random.Philox(seed))
    shards = list(shards_of(tensors_of(hidden, layers), shard_bytes))
    places, total = {}, 0
    for number, shard in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        total += write_shard(out / name, shard, generator)
        places |= {tensor: name for tensor, _ in shard}
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    (out / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    (out / "config.json").write_text(json.dumps(configuration(hidden, layers), indent=2) + "\n")
    return {"parameters": total // 2, "bytes": total, "shards": len(shards),
            "hidden": hidden, "layers": layers}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path, help="must be new")
    parser.add_argument("--parameters", type=float, default=1e9)
    parser.add_argument("--shard-bytes", type=float, default=1e9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layers", type=int, help="default: what goes with the width")
    arguments = parser.parse_args()
    print(json.dumps(write(arguments.out, int(arguments.parameters),
                           int(arguments.shard_bytes), arguments.seed, arguments.layers)))


if __name__ == "__main__":
    main()
