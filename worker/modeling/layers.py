"""Layers described as values, so that what is built and what the card prints are one thing."""

from dataclasses import dataclass

from torch import nn

Number = int | float | bool


@dataclass(frozen=True)
class Layer:
    """One layer of torch.nn by name; `Sequential` holds `parts` instead of arguments."""

    kind: str
    args: tuple[tuple[str, Number], ...] = ()
    parts: tuple["Layer", ...] = ()

    def build(self) -> nn.Module:
        """Return the layer with fresh weights."""
        if self.parts:
            return nn.Sequential(*(part.build() for part in self.parts))
        factory = _FACTORIES[self.kind]
        return factory(**dict(self.args))

    def code(self) -> str:
        """Return the Python text that builds the layer."""
        if self.parts:
            return f"nn.Sequential({', '.join(part.code() for part in self.parts)})"
        return f"nn.{self.kind}({', '.join(f'{name}={value!r}' for name, value in self.args)})"


_FACTORIES: dict[str, type[nn.Module]] = {
    "AdaptiveAvgPool2d": nn.AdaptiveAvgPool2d,
    "Conv2d": nn.Conv2d,
    "Dropout": nn.Dropout,
    "Identity": nn.Identity,
    "Linear": nn.Linear,
    "ReLU": nn.ReLU,
}


@dataclass(frozen=True)
class Replacement:
    """A layer put in the place of the module at a dotted path."""

    path: str
    layer: Layer

    def code(self) -> str:
        """Return the Python line that does the same to a plain network."""
        return f'model.set_submodule("{self.path}", {self.layer.code()})'
