"""Tutorial e: ResNet-18 with a stem for pictures of 32 pixels, all of it trained."""

from typing import Any

from PIL import Image
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from bench.train.jobs import Job, Parts
from bench.train.seeds.pictures import network, num_classes

# The tutorial has this one transform, for training and for testing.
TRANSFORM = transforms.Compose(
    [
        transforms.RandomHorizontalFlip(),
        transforms.RandomCrop(32, padding=4),
        transforms.ToTensor(),
        transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ]
)
PLAIN = transforms.Compose(TRANSFORM.transforms[2:])


class Pictures(Dataset[Any]):
    """Pictures in memory, as torchvision keeps CIFAR-10."""

    def __init__(self, job: Job, split: str, transform: Any) -> None:
        folder = ImageFolder(job.folder / split, lambda image: image.resize((32, 32)).copy())
        self._items: list[tuple[Image.Image, int]] = [folder[i] for i in range(len(folder))]
        self._transform = transform

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Any:
        image, label = self._items[index]
        return self._transform(image), label


def build(job: Job) -> Parts:
    """Return network, batches, optimizer and loss."""
    model: Any = network(job.network, job.weights)
    model.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
    model.maxpool = nn.Identity()
    model.fc = nn.Linear(model.fc.in_features, num_classes(job))
    optimizer = optim.SGD(model.parameters(), lr=job.lr, momentum=0.9)
    batches = DataLoader(Pictures(job, "train", TRANSFORM), batch_size=job.batch, shuffle=True)
    return Parts(model, batches, optimizer, nn.CrossEntropyLoss())


def test_loader(job: Job) -> DataLoader[Any]:
    """Return the batches of the test split, without the tutorial's random changes.

    They would only cost it accuracy, and what is compared is time.
    """
    return DataLoader(Pictures(job, "test", PLAIN), batch_size=job.batch)
