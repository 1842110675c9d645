"""Tutorial b: VGG16's convolutions under two new layers, augmented pictures; later all of it."""

from typing import Any

from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import transforms

from bench.train.jobs import Job, Parts
from bench.train.seeds.pictures import loader, network, num_classes

AUGMENTED = transforms.Compose(
    [
        transforms.Resize((224, 224)),
        transforms.RandomAffine(degrees=20, translate=(0.2, 0.2)),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)


def build(job: Job) -> Parts:
    """Return network, batches, optimizer and loss."""
    features = network("vgg16", job.weights).features
    head = nn.Sequential(
        nn.Flatten(), nn.Linear(512 * 7 * 7, 1024), nn.ReLU(), nn.Linear(1024, num_classes(job))
    )
    model = nn.Sequential(features, head)
    optimizer: optim.Optimizer
    if job.trains == "head":
        for parameter in features.parameters():
            parameter.requires_grad = False
        optimizer = optim.RMSprop(head.parameters(), lr=job.lr)
    else:
        optimizer = optim.SGD(model.parameters(), lr=job.lr, momentum=0.9)
    return Parts(model, loader(job, "train", AUGMENTED), optimizer, nn.CrossEntropyLoss())


def test_loader(job: Job) -> DataLoader[Any]:
    """Return the batches of the test split; like the tutorial it augments them too."""
    return loader(job, "test", AUGMENTED)
