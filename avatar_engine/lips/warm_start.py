"""Lets a painter begin where another one ended, of which only the deployed network is left.

In ONNX a convolution and the normalisation behind it are one. They are taken apart again by what they do to a batch of
the new pictures: the convolution gets the whole weight, and the normalisation is set so that it changes nothing but
adds the bias. So a painter that learns on paints at first what the other one did.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from avatar_engine.lips.lesson import Examples
from avatar_engine.lips.painter import Painter

_Weighted = nn.Conv2d | nn.Linear


def begin_as(painter: Painter, network: bytes, batch: Examples) -> bool:
    """Give ``painter`` the weights of another one.

    What is read off the footage itself (the linear appearance model, the mask) stays the painter's own.

    Args:
        painter: A new one, in training.
        network: The other one's ONNX (`avatar_engine.lips.painter.export`).
        batch: Some examples of what it will learn.

    Returns:
        Whether it could: a network of another size or build leaves the painter as it was.
    """
    graph = onnx.load_from_string(network).graph
    known = {one.name: numpy_helper.to_array(one).copy() for one in graph.initializer}
    same = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    layers = _in_order(painter, batch)
    nodes = [node for node in graph.node if node.op_type in ("Conv", "Gemm") and node.input[1] in known]
    canvas = known.get("painter.canvas")
    if len(layers) != len(nodes) or canvas is None or canvas.shape != painter.canvas.shape:
        return False
    given = []
    for layer, node in zip(layers, nodes, strict=True):
        names = [same.get(name, name) for name in node.input[1:3]]
        weight, bias = (torch.from_numpy(np.asarray(known[name], np.float32)) for name in names)
        if weight.shape != layer.weight.shape:
            return False
        given.append((layer, weight, bias))
    with torch.no_grad():
        painter.canvas.copy_(torch.from_numpy(canvas))
        behind = _normalisations(painter)
        for layer, weight, bias in given:
            layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.copy_(bias)
            else:
                behind[layer].bias.copy_(bias)
        _settle(painter, list(behind.values()), batch)
    return True


def _in_order(painter: Painter, batch: Examples) -> list[_Weighted]:
    """The layers that have weights, as they come in the network."""
    seen: list[_Weighted] = []
    layers = [layer for layer in painter.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(lambda layer, *_: seen.append(layer)) for layer in layers]
    training = painter.training
    painter.eval()
    with torch.no_grad():
        _run(painter, batch)
    painter.train(training)
    for hook in hooks:
        hook.remove()
    return seen


def _normalisations(painter: Painter) -> dict[nn.Module, nn.BatchNorm2d]:
    """By the convolution that they follow."""
    pairs = [one for one in painter.modules() if isinstance(one, nn.Sequential) and len(one) == 2]
    return {pair[0]: pair[1] for pair in pairs if isinstance(pair[1], nn.BatchNorm2d)}


def _settle(painter: Painter, behind: list[nn.BatchNorm2d], batch: Examples) -> None:
    """Set every normalisation, whose bias is all that it shall add, to what comes to it."""

    def settle(norm: nn.Module, given: tuple[Tensor]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101 - for the type checker: no other has this hook
        var, mean = torch.var_mean(given[0].float(), (0, 2, 3), correction=0)
        assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101 - as above
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        norm.weight.copy_((var + norm.eps).sqrt())
        norm.bias.add_(mean)

    hooks = [norm.register_forward_pre_hook(settle) for norm in behind]
    painter.eval()
    _run(painter, batch)
    painter.train()
    for hook in hooks:
        hook.remove()


def _run(painter: Painter, batch: Examples) -> None:
    painter(*batch.context, batch.shapes, batch.coefficients, batch.sure)
