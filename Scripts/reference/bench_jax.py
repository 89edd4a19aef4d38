#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times JAX's own optimizer steps on random tokens: one configuration per process.

    bench_jax.py SIZES fp32|bf16 STEPS THREADS [--dump DIRECTORY]

SIZES are those of StepBenchmark: layers, heads, width, vocabulary, context and batch of a GPT-2, or
these and key/value heads and intermediate width of a Llama. A step is one compiled function: forward,
backward, gradient clip at 1 and AdamW, with parameters and moments donated. bf16 is what Espalier means
by it: operands of products are bfloat16, sums, weights, moments, norms and softmax float32. THREADS are
XLA's; whoever wants no others to run gives the process as many cores.
Prints one JSON object: the seconds of each step after the first, the processor seconds of all of them,
the seconds that compiling took, the last loss, peak memory, and the memory that XLA reports.
"""

import argparse
import functools
import json
import os
import resource
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    layers: int
    heads: int
    width: int
    vocabulary: int
    context: int
    batch: int
    key_heads: int = 0  # 0 for a GPT-2
    inner: int = 0

    @property
    def is_llama(self):
        return self.key_heads > 0


def make_product(precision):
    """x · W over the last axis of x and one axis of W, operands rounded as the precision says."""
    import jax
    from jax import lax, numpy as jnp

    def dot(left, right, axes, batch=((), ())):
        if precision == "bf16":
            left, right = left.astype(jnp.bfloat16), right.astype(jnp.bfloat16)
        return lax.dot_general(left, right, (axes, batch), preferred_element_type=jnp.float32)

    # By itself JAX would widen what the way back multiplies with.
    @functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
    def product(x, weight, transposed):
        return dot(x, weight, ((x.ndim - 1,), (1 if transposed else 0,)))

    def forward(x, weight, transposed):
        return product(x, weight, transposed), (x, weight)

    def backward(transposed, kept, dy):
        x, weight = kept
        dx = dot(dy, weight, ((dy.ndim - 1,), (0 if transposed else 1,)))
        flat_x, flat_dy = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
        left, right = (flat_dy, flat_x) if transposed else (flat_x, flat_dy)
        return dx, dot(left, right, ((0,), (0,)))

    product.defvjp(forward, backward)

    def make_pairs(left_axis, right_axis, back):
        """Products of heads, batched over their first two axes."""
        both = ((0, 1), (0, 1))

        @jax.custom_vjp
        def pairs(left, right):
            return dot(left, right, ((left_axis,), (right_axis,)), both)

        pairs.defvjp(lambda left, right: (pairs(left, right), (left, right)),
                     lambda kept, dy: back(dot, both, *kept, dy))
        return pairs

    # [.., t, d] and [.., s, d] to [.., t, s]; [.., t, s] and [.., s, d] to [.., t, d].
    scores = make_pairs(3, 3, lambda dot, both, q, k, dy: (
        dot(dy, k, ((3,), (2,)), both), dot(dy, q, ((2,), (2,)), both)))
    mixed = make_pairs(3, 2, lambda dot, both, p, v, dy: (
        dot(dy, v, ((3,), (3,)), both), dot(p, dy, ((2,), (2,)), both)))
    return product, scores, mixed


def make_loss(sizes, precision):
    import jax
    from jax import numpy as jnp

    product, scores, mixed = make_product(precision)
    head_size = sizes.width // sizes.heads

    def attention(query, key, value):
        """[batch, heads, length, width of a head], key and value repeated to as many heads."""
        length = query.shape[2]
        weights = scores(query, key) * head_size ** -0.5
        seen = jnp.tril(jnp.ones((length, length), bool))
        weights = jax.nn.softmax(jnp.where(seen, weights, -jnp.inf), axis=-1)
        return mixed(weights, value)

    def heads(x, count):
        return x.reshape(sizes.batch, sizes.context, count, head_size).transpose(0, 2, 1, 3)

    def rows(x):
        return x.transpose(0, 2, 1, 3).reshape(sizes.batch, sizes.context, sizes.width)

    def layer_norm(x, gain, bias):
        centred = x - x.mean(-1, keepdims=True)
        return centred * jax.lax.rsqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5) * gain + bias

    def root_mean_square_norm(x, gain):
        return x * jax.lax.rsqrt((x ** 2).mean(-1, keepdims=True) + 1e-5) * gain

    def gpt2_block(x, block):
        y = layer_norm(x, *block["norm1"])
        query, key, value = jnp.split(product(y, block["in"], False) + block["in_bias"], 3, -1)
        y = attention(*(heads(part, sizes.heads) for part in (query, key, value)))
        x = x + product(rows(y), block["out"], False) + block["out_bias"]
        y = product(layer_norm(x, *block["norm2"]), block["up"], False) + block["up_bias"]
        return x + product(jax.nn.gelu(y), block["down"], False) + block["down_bias"]

    def turned(x):
        half = head_size // 2
        angles = jnp.arange(sizes.context)[:, None] * 10000.0 ** (-jnp.arange(half) / half)
        cosine, sine = jnp.cos(angles), jnp.sin(angles)
        a, b = x[..., :half], x[..., half:]
        return jnp.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)

    def llama_block(x, block):
        y = root_mean_square_norm(x, block["norm1"])
        query = turned(heads(product(y, block["query"], True), sizes.heads))
        key = turned(heads(product(y, block["key"], True), sizes.key_heads))
        value = heads(product(y, block["value"], True), sizes.key_heads)
        groups = sizes.heads // sizes.key_heads
        y = attention(query, jnp.repeat(key, groups, 1), jnp.repeat(value, groups, 1))
        x = x + product(rows(y), block["out"], True)
        y = root_mean_square_norm(x, block["norm2"])
        inner = jax.nn.silu(product(y, block["gate"], True)) * product(y, block["up"], True)
        return x + product(inner, block["down"], True)

    def loss(parameters, inputs, targets):
        x = parameters["tokens"][inputs]
        if not sizes.is_llama:
            x = x + parameters["positions"]
        for block in parameters["blocks"]:
            x = (llama_block if sizes.is_llama else gpt2_block)(x, block)
        if sizes.is_llama:
            x = root_mean_square_norm(x, parameters["norm"])
        else:
            x = layer_norm(x, *parameters["norm"])
        logits = product(x, parameters["tokens"], True)
        at_target = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
        return (jax.nn.logsumexp(logits, axis=-1) - at_target).mean()

    return loss


def make_parameters(sizes):
    import numpy as np

    random = np.random.default_rng(0)

    def matrix(*extents):
        return random.normal(0, 0.02, extents).astype(np.float32)

    def ones(count):
        return np.ones(count, np.float32)

    def zeros(count):
        return np.zeros(count, np.float32)

    width = sizes.width

    def gpt2_block():
        return {
            "norm1": (ones(width), zeros(width)), "norm2": (ones(width), zeros(width)),
            "in": matrix(width, 3 * width), "in_bias": zeros(3 * width),
            "out": matrix(width, width), "out_bias": zeros(width),
            "up": matrix(width, 4 * width), "up_bias": zeros(4 * width),
            "down": matrix(4 * width, width), "down_bias": zeros(width),
        }

    def llama_block():
        narrow = width // sizes.heads * sizes.key_heads
        return {
            "norm1": ones(width), "norm2": ones(width),
            "query": matrix(width, width), "key": matrix(narrow, width),
            "value": matrix(narrow, width), "out": matrix(width, width),
            "gate": matrix(sizes.inner, width), "up": matrix(sizes.inner, width),
            "down": matrix(width, sizes.inner),
        }

    parameters = {"tokens": matrix(sizes.vocabulary, width)}
    if sizes.is_llama:
        parameters |= {"norm": ones(width), "blocks": [llama_block() for _ in range(sizes.layers)]}
    else:
        parameters |= {
            "positions": matrix(sizes.context, width), "norm": (ones(width), zeros(width)),
            "blocks": [gpt2_block() for _ in range(sizes.layers)],
        }
    return parameters


def make_step(sizes, precision):
    import jax
    from jax import numpy as jnp

    loss_of = make_loss(sizes, precision)
    beta1, beta2, epsilon, decay = 0.9, 0.95, 1e-8, 0.1

    def step(parameters, first, second, count, rate, inputs, targets):
        loss, gradients = jax.value_and_grad(loss_of)(parameters, inputs, targets)
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradients)))
        scale = jnp.minimum(1.0, 1.0 / (norm + 1e-6))
        gradients = jax.tree.map(lambda g: g * scale, gradients)
        count = count + 1
        first = jax.tree.map(lambda m, g: m + (g - m) * (1 - beta1), first, gradients)
        second = jax.tree.map(lambda v, g: v * beta2 + g * g * (1 - beta2), second, gradients)
        size = rate / (1 - beta1 ** count)
        correction = 1 / jnp.sqrt(1 - beta2 ** count)

        def updated(p, m, v):
            kept = 1 - rate * decay if p.ndim > 1 else 1.0
            return p * kept - size * m / (jnp.sqrt(v) * correction + epsilon)

        parameters = jax.tree.map(updated, parameters, first, second)
        return parameters, first, second, count, loss, norm

    return jax.jit(step, donate_argnums=(0, 1, 2, 3))


def measure(sizes, precision, steps):
    import jax
    import numpy as np
    from jax import numpy as jnp

    parameters = jax.tree.map(jnp.asarray, make_parameters(sizes))
    first = jax.tree.map(jnp.zeros_like, parameters)
    second = jax.tree.map(jnp.zeros_like, parameters)
    count, rate = jnp.float32(0), jnp.float32(3e-4)
    random = np.random.default_rng(1)
    shape = (sizes.batch, sizes.context)
    inputs, targets = (
        random.integers(0, sizes.vocabulary, shape, dtype=np.int32) for _ in range(2))
    state = (parameters, first, second, count)
    lowered = make_step(sizes, precision).lower(*state, rate, inputs, targets)
    start = time.perf_counter()
    step = lowered.compile()
    compile_seconds = time.perf_counter() - start
    seconds, loss, cpu_start = [], 0.0, 0.0
    for number in range(steps + 1):
        start = time.perf_counter()
        *state, loss, norm = step(*state, rate, inputs, targets)
        loss, norm = float(loss), float(norm)
        if number > 0:
            seconds.append(time.perf_counter() - start)
        else:
            cpu_start = time.process_time()
    cpu = time.process_time() - cpu_start
    memory = step.memory_analysis()
    return {
        "seconds": seconds, "loss": loss, "compileSeconds": compile_seconds,
        "cpuSeconds": cpu / max(1, steps),
        "xlaBytes": {
            "arguments": memory.argument_size_in_bytes, "outputs": memory.output_size_in_bytes,
            "aliases": memory.alias_size_in_bytes, "temporaries": memory.temp_size_in_bytes,
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", help="layers,heads,width,vocabulary,context,batch[,key heads,inner width]")
    parser.add_argument("precision", choices=["fp32", "bf16"])
    parser.add_argument("steps", type=int)
    parser.add_argument("threads", type=int)
    parser.add_argument("--dump", help="where XLA writes what it makes of the program")
    arguments = parser.parse_args()
    sizes = Sizes(*(int(part) for part in arguments.sizes.split(",")))
    os.environ["NPROC"] = str(arguments.threads)
    if arguments.dump:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_dump_to={arguments.dump} --xla_dump_hlo_as_text"
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    report = measure(sizes, arguments.precision, arguments.steps)
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    report["peakBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(json.dumps(report))


if __name__ == "__main__":
    main()
