# SPDX-License-Identifier: Apache-2.0
"""Runs models of transformers entirely in float64.

A model in float64 is not enough: transformers rounds norms, softmax, router and rotary angles to
float32 whatever the model's type."""

import contextlib

import torch
from torch.overrides import TorchFunctionMode


class _Float64(TorchFunctionMode):
    """Makes float64 of every float32 that is asked for."""

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function is torch.Tensor.float:
            function = torch.Tensor.double
        return function(
            *map(_widened, arguments),
            **{key: _widened(value) for key, value in (keywords or {}).items()})


def _widened(value):
    return torch.float64 if value is torch.float32 else value


@contextlib.contextmanager
def in_float64():
    """Make the model in here too, so that its tables of angles are float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Float64():
            yield
    finally:
        torch.set_default_dtype(before)
