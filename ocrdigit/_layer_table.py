"""Tables of a network's layers: names, output shapes and numbers of parameters."""

from __future__ import annotations

from . import _core


def as_text(network: _core.Network) -> str:
    """Return the table for a terminal."""
    layers = network.describe()
    rows = [
        (f"{layer['name']} ({layer['type']})", str(layer["output_shape"]), layer["parameters"])
        for layer in layers
    ]
    first = max(len(name) for name, _, _ in rows) + 3
    second = max(len(shape) for _, shape, _ in rows) + 3
    line = "-" * (first + second + 12)
    total = sum(layer["parameters"] for layer in layers)
    trainable = network.parameter_count
    return "\n".join(
        [
            f"{'Layer (type)':{first}}{'Output shape':{second}}{'Parameters':>12}",
            line,
            *(f"{name:{first}}{shape:{second}}{number:>12,}" for name, shape, number in rows),
            line,
            f"{'Total parameters':{first + second}}{total:>12,}  ({4 * total / 1024:,.1f} KB)",
            f"{'  trainable':{first + second}}{trainable:>12,}",
            f"{'  non-trainable':{first + second}}{total - trainable:>12,}",
        ]
    )


def as_html(network: _core.Network, state: str) -> str:
    """Return the table for a notebook; ``state`` is a note on the training, below the table."""
    from . import _html

    layers = network.describe()
    rows = [
        (
            f"{layer['name']} ({layer['type']})",
            " x ".join(map(str, layer["output_shape"])),
            f"{layer['parameters']:,}",
        )
        for layer in layers
    ]
    total = sum(layer["parameters"] for layer in layers)
    foot = f"{total:,} parameters, {4 * total / 1024:,.1f} KB, {state}"
    return _html.table(("layer", "output", "parameters"), rows, foot)
