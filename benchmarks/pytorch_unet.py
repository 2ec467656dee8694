"""The residual UNet in PyTorch for comparison, written from the description of the architecture.

Only PyTorch and NumPy are imported: TensorFlow beside PyTorch crashes within triton.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

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

    def __init__(self, pooling_sequence: Sequence[int], filter_sequence: Sequence[int]) -> None:
        super().__init__()
        self.pooling_sequence = tuple(pooling_sequence)
        *filters, deepest = filter_sequence
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


def set_weights(network: UNet, weights: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Give a network the weights of a Keras network, by the names of its layers, which are positions."""
    for name, arrays in weights.items():
        target = network.get_submodule(name if name == "head" else "blocks." + name.replace("_", ".", 1))
        values = [torch.from_numpy(np.array(array)) for array in arrays]
        if isinstance(target, nn.Conv2d):
            names, values = ("weight", "bias"), [values[0].permute(3, 2, 0, 1), values[1]]
        else:
            names = ("weight", "bias", "running_mean", "running_var")
        for each, value in zip(names, values, strict=True):
            getattr(target, each).data.copy_(value)
