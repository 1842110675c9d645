"""Tutorial a: a pretrained ResNet-50, everything frozen but a new last layer; four at a time."""

from typing import Any

from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import transforms

from bench.train.jobs import Job, Parts
from bench.train.seeds.pictures import loader, network, new_head, num_classes

TRANSFORM = transforms.Compose(
    [
        transforms.Resize((224, 224)),
        transforms.ToTensor(),
        transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ]
)


def build(job: Job) -> Parts:
    """Return network, batches, optimizer and loss."""
    model = network(job.network, job.weights)
    for parameter in model.parameters():
        parameter.requires_grad = False
    head = new_head(model, num_classes(job))
    optimizer = optim.SGD(head.parameters(), lr=job.lr, momentum=0.9)
    return Parts(model, loader(job, "train", TRANSFORM), optimizer, nn.CrossEntropyLoss())


def test_loader(job: Job) -> DataLoader[Any]:
    """Return the batches of the test split."""
    return loader(job, "test", TRANSFORM)
