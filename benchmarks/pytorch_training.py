"""The study's training in PyTorch for `time_to_dice.py`, in a process of its own: prints the scores of every epoch.

Started as: python pytorch_training.py SET.npz EPOCHS SEED
Adam 1e-4, batches of 32, cross-entropy, every patch in its eight dihedral transforms in each epoch, as in the study.
"""

import json
import os
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch
from pytorch_unet import UNet

LEARNING_RATE, BATCH_SIZE, TRANSFORMS = 1e-4, 32, 8


def main() -> None:
    content, epochs, seed = np.load(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    started = float(os.environ["STARTED"])
    torch.manual_seed(seed)
    network = UNet(**json.loads(str(content["shape"])))
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    loss_of = torch.nn.CrossEntropyLoss()
    training = (content["train_images"], content["train_labels"])
    validation = (content["validation_images"], content["validation_labels"])
    for epoch in range(1, epochs + 1):
        network.train()
        for images, labels in batches(*training, np.random.default_rng((seed, epoch))):
            optimizer.zero_grad()
            loss_of(network(images), labels).backward()
            optimizer.step()
        line = {
            "epoch": epoch,
            "validation_hard_dice": dice(network, *validation),
            "wall_s": time.time() - started,
            "processor_s": time.process_time(),
        }
        print(json.dumps(line), flush=True)


def batches(
    images: np.ndarray, labels: np.ndarray, random: np.random.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (n, 1, h, w) images and (n, h, w) labels of one epoch, in random order."""
    order = random.permutation(len(images) * TRANSFORMS)
    for start in range(0, len(order), BATCH_SIZE):
        pairs = [divmod(int(each), TRANSFORMS) for each in order[start : start + BATCH_SIZE]]
        yield (
            torch.from_numpy(np.stack([turned(images[patch], transform) for patch, transform in pairs])[:, np.newaxis]),
            torch.from_numpy(np.stack([turned(labels[patch], transform) for patch, transform in pairs])).long(),
        )


def turned(image: np.ndarray, transform: int) -> np.ndarray:
    """Return one of the eight rotations and reflections of an image."""
    quarter = np.rot90(image, transform % 4)
    return quarter[:, ::-1] if transform >= 4 else quarter


def dice(network: UNet, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean hard dice of images, (2 I + 1) / (P + L + 1) each, as in the study."""
    network.eval()
    scores: list[float] = []
    with torch.no_grad():
        for start in range(0, len(images), BATCH_SIZE):
            logits = network(torch.from_numpy(images[start : start + BATCH_SIZE, np.newaxis])).numpy()
            for predicted, label in zip(logits[:, 1] > logits[:, 0], labels[start:], strict=False):
                scores.append((2 * (predicted & (label > 0)).sum() + 1) / (predicted.sum() + (label > 0).sum() + 1))
    return float(np.mean(scores))


if __name__ == "__main__":
    main()
