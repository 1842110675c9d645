"""Tutorial c: a pretrained ResNet-50 whose last block and last layer are trained."""

from typing import Any

from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import transforms

from bench.train.jobs import Job, Parts
from bench.train.seeds.pictures import loader, network, new_head, num_classes

TRANSFORM = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)


def build(job: Job) -> Parts:
    """Return network, batches, optimizer and loss."""
    model: Any = network(job.network, job.weights)
    if job.trains != "all":
        for parameter in model.parameters():
            parameter.requires_grad = False
    new_head(model, num_classes(job))
    if job.trains == "block":
        return unfrozen(job, model)
    return _parts(job, model)


def unfrozen(job: Job, model: Any) -> Parts:
    """Return what a second loop goes round with: the last block is trained too."""
    for parameter in model.layer4.parameters():
        parameter.requires_grad = True
    return _parts(job, model)


def _parts(job: Job, model: Any) -> Parts:
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = optim.SGD(trained, lr=job.lr, momentum=0.9)
    return Parts(model, loader(job, "train", TRANSFORM), optimizer, nn.CrossEntropyLoss())


def test_loader(job: Job) -> DataLoader[Any]:
    """Return the batches of the test split."""
    return loader(job, "test", TRANSFORM)
