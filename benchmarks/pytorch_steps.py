"""Training steps in PyTorch for `train_step.py`, in a process of their own: reads names of steps, prints seconds.

Started as: python pytorch_steps.py SETUP.npz LOGITS.npy
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pytorch_unet import UNet, set_weights

EAGER, CHANNELS_LAST, COMPILED = "pytorch eager", "pytorch channels-last", "pytorch compiled"
LEARNING_RATE = 1e-4

Step = Callable[[], None]


def main() -> None:
    setup = np.load(sys.argv[1])
    shape = json.loads(str(setup["shape"]))
    weights = {name: [setup[f"{name}/{at}"] for at in range(count)] for name, count in shape.pop("weights").items()}

    def network() -> UNet:
        made = UNet(**shape)
        set_weights(made, weights)
        return made

    images = torch.from_numpy(np.ascontiguousarray(setup["images"].transpose(0, 3, 1, 2)))
    target = torch.from_numpy(setup["labels"][..., 0]).long()
    np.save(sys.argv[2], logits(network(), images[:1]))
    steps = {
        EAGER: step_of(network(), images, target),
        CHANNELS_LAST: step_of(network().to(memory_format=torch.channels_last), _channels_last(images), target),
        COMPILED: step_of(
            network().to(memory_format=torch.channels_last), _channels_last(images), target, compiled=True
        ),
    }
    print(json.dumps({"steps": [*steps], "threads": torch.get_num_threads(), "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        steps[line.strip()]()
        print(time.perf_counter() - start, flush=True)


def step_of(network: UNet, images: torch.Tensor, target: torch.Tensor, *, compiled: bool = False) -> Step:
    """Return a step of loss, gradients and Adam, without scores."""
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    loss_of = torch.nn.CrossEntropyLoss()
    forward: Callable[..., Any] = torch.compile(network) if compiled else network
    network.train()

    def step() -> None:
        optimizer.zero_grad()
        loss = loss_of(forward(images), target)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def logits(network: UNet, images: torch.Tensor) -> np.ndarray:
    """Return (n, h, w, 2) logits in inference mode."""
    network.eval()
    with torch.no_grad():
        return network(images).numpy().transpose(0, 2, 3, 1)


def _channels_last(images: torch.Tensor) -> torch.Tensor:
    return images.to(memory_format=torch.channels_last)


if __name__ == "__main__":
    main()
