"""The residual UNet in PyTorch for comparison, written from the description of the architecture."""

import keras
import numpy as np
import torch
from torch import nn

from tem_rf.architecture import Architecture

EPSILON = 1e-5


class ResidualBlock(nn.Module):
    """Two convolutions with batch normalization, plus a 1x1 convolution of the input before the last ReLU."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters, eps=EPSILON)
        self.conv2, self.bn2 = nn.Conv2d(filters, filters, 3, padding=1), nn.BatchNorm2d(filters, eps=EPSILON)
        self.skip = nn.Conv2d(channels, filters, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, h, w) to (n, filters, h, w)."""
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + self.skip(x))


class UNet(nn.Module):
    """Maps (n, 1, h, w) to (n, 2, h, w) logits."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.pooling_sequence = architecture.pooling_sequence
        *filters, deepest = architecture.filter_sequence
        self.blocks = nn.ModuleDict({"bottleneck": ResidualBlock(filters[-1], deepest)})
        for level, (channels, below) in enumerate(zip(filters, [*filters[1:], deepest], strict=True)):
            self.blocks[f"encoder{level}"] = ResidualBlock(filters[level - 1] if level else 1, channels)
            self.blocks[f"decoder{level}"] = ResidualBlock(channels + below, channels)
        self.head = nn.Conv2d(filters[0], 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute logits; h and w are multiples of the product of the pooling."""
        skips = []
        for level, pooling in enumerate(self.pooling_sequence):
            x = self.blocks[f"encoder{level}"](x)
            skips.append(x)
            x = nn.functional.max_pool2d(x, pooling)
        x = self.blocks["bottleneck"](x)
        for level in reversed(range(len(skips))):
            x = nn.functional.interpolate(x, scale_factor=self.pooling_sequence[level], mode="nearest")
            x = self.blocks[f"decoder{level}"](torch.cat([skips[level], x], dim=1))
        return self.head(x)


def with_weights_of(model: keras.Model, architecture: Architecture) -> UNet:
    """Return the same network in PyTorch, with the weights of a Keras network whose layers are named by position."""
    network = UNet(architecture)
    for layer in model.layers:
        if not layer.weights:
            continue
        target = network.get_submodule(
            layer.name if layer.name == "head" else "blocks." + layer.name.replace("_", ".", 1)
        )
        weights = [torch.from_numpy(np.array(weight)) for weight in layer.weights]
        if isinstance(target, nn.Conv2d):
            names, weights = ("weight", "bias"), [weights[0].permute(3, 2, 0, 1), weights[1]]
        else:
            names = ("weight", "bias", "running_mean", "running_var")
        for name, weight in zip(names, weights, strict=True):
            getattr(target, name).data.copy_(weight)
    return network
