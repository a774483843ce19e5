"""Calls that take a minute or more, each of which Ctrl-C is to end at once.

Each case is a script: it sets ``call``, and may set ``check``, which looks at the objects after the
interrupt. Its networks are large, so that few images take long.
"""

from __future__ import annotations

START = """
import io
import numpy as np
import ocrdigit
from ocrdigit import DigitClassifier, _core, image, synth
from PIL import Image

rng = np.random.default_rng(0)
check = None

def conv(filters, **options):
    return {"type": "conv2d", "filters": filters, "kernel_size": 5, "padding": "same", **options}

SLOW = [*[conv(64, activation="relu") for _ in range(4)], {"type": "flatten"},
        {"type": "dense", "units": 10}]
"""

_NETWORK = """
network = _core.Network(SLOW)
images = rng.integers(0, 256, (20000, 28, 28), np.uint8)
before = network.weights()
def check():
    after = network.weights()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert network.predict(images[:2], 1 / 255).shape == (2,)
"""

_NOISE = "picture = rng.integers(0, 256, (4000, 4000), np.uint8)\n"

CASES = {
    "Network.predict": _NETWORK + "call = lambda: network.predict(images, 1 / 255)",
    "Network.layer_output": _NETWORK + "call = lambda: network.layer_output(images, 1 / 255, 5)",
    "Network.calibrate": _NETWORK + "call = lambda: network.calibrate(images, 1 / 255)",
    "Network.explain": _NETWORK + "call = lambda: network.explain(images, 1 / 255)",
    "DigitClassifier.predict": """
classifier = DigitClassifier(SLOW, epochs=1, tta=True, verbose=0)
images = rng.integers(0, 256, (20000, 28, 28), np.uint8)
classifier.fit(images[:2], [3, 4])
call = lambda: classifier.predict(images)
check = lambda: classifier.predict(images[:1])
""",
    "DigitClassifier.fit, one step": """
images = rng.integers(0, 256, (300, 28, 28), np.uint8)
labels = np.arange(300) % 10
classifier = DigitClassifier(SLOW, epochs=20, batch_size=300, verbose=0)
call = lambda: classifier.fit(images, labels)
def check():
    classifier.epochs = 1
    classifier.fit(images[:3], labels[:3]).predict(images[:3])
""",
    "DigitClassifier.evaluate": """
classifier = DigitClassifier(SLOW, epochs=1, verbose=0)
images = rng.integers(0, 256, (20000, 28, 28), np.uint8)
classifier.fit(images[:2], [3, 4])
call = lambda: ocrdigit.evaluation.evaluate(classifier, images, np.arange(20000) % 10)
check = lambda: classifier.predict(images[:1])
""",
    "predict, large pictures": _NOISE
    + "call = lambda: ocrdigit.predict([picture] * 2000)\n"
    + "check = lambda: ocrdigit.predict(picture)",
    "augment": """
images = rng.random((200, 512, 512), np.float32)
steps = [{"type": "elastic", "displacement": 3.0, "sigma": 8.0}] * 16
call = lambda: _core.augment(images, steps, 0)
""",
    "image.erode": _NOISE + "kernel = rng.integers(0, 2, (1001, 1001)) > 0\n"
    "call = lambda: image.erode(picture, kernel)",
    "image.adaptive_threshold": _NOISE
    + "call = lambda: image.adaptive_threshold(np.tile(picture, (2, 2)), 255, method='gaussian', "
    "block_size=2047)",
    "read": """
noise = Image.fromarray(rng.integers(0, 256, (2000, 2000), np.uint8))
file = io.BytesIO()
noise.save(file, "tiff", save_all=True, append_images=[noise] * 60)
call = lambda: ocrdigit.read(file)
check = lambda: ocrdigit.read(synth.strings(1, length=4, random_state=0)[0].image)
""",
    "read_many": _NOISE
    + "call = lambda: list(ocrdigit.read_many([picture] * 300, progress=False))\n"
    "check = lambda: list(ocrdigit.read_many([picture[:60, :60]], progress=False))",
}
