"""Models of PyTorch as other people write them: they load, and agree with PyTorch."""

from __future__ import annotations

import inspect
import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from damaged_files import check_damaged_copies
from safetensors.numpy import save_file

import ocrdigit
from ocrdigit import DigitClassifier
from ocrdigit.datasets import Dataset
from ocrdigit.models.formats import _torch_layers
from ocrdigit.models.formats._torch_files import tensors_of_file

TOLERANCE = 1e-5
POOL = {"type": "MaxPool2d", "kernel_size": 2}


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch


# ---- six models ----


def example(torch):
    """As PyTorch's MNIST example."""
    nn, functional = torch.nn, torch.nn.functional

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 32, 3, 1)
            self.conv2 = nn.Conv2d(32, 64, 3, 1)
            self.dropout1 = nn.Dropout(0.25)
            self.dropout2 = nn.Dropout(0.5)
            self.fc1 = nn.Linear(9216, 128)
            self.fc2 = nn.Linear(128, 10)

        def forward(self, x):
            x = functional.relu(self.conv1(x))
            x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
            x = torch.flatten(self.dropout1(x), 1)
            x = self.dropout2(functional.relu(self.fc1(x)))
            return functional.log_softmax(self.fc2(x), dim=1)

    layers = [
        *("conv1", "ReLU", "conv2", "ReLU", POOL, "Dropout", "Flatten", "fc1", "ReLU"),
        *("Dropout", "fc2", "LogSoftmax"),
    ]
    return Net(), layers, {"normalize": (0.1307, 0.3081)}


def lenet(torch):
    """LeNet-5 with padding, tanh and average pools."""
    nn = torch.nn

    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.c1, self.c2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
            self.pool = nn.AvgPool2d(2, 2)
            self.f1, self.f2, self.f3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

        def forward(self, x):
            x = self.pool(torch.tanh(self.c1(x)))
            x = self.pool(torch.tanh(self.c2(x))).view(-1, 400)
            return self.f3(torch.tanh(self.f2(torch.tanh(self.f1(x)))))

    pool = {"type": "AvgPool2d", "kernel_size": 2, "stride": 2}
    first = {"name": "c1", "padding": 2}
    return (
        LeNet(),
        [first, "Tanh", pool, "c2", "Tanh", pool, "Flatten", "f1", "Tanh", "f2", "Tanh", "f3"],
        {},
    )


def perceptron(torch):
    nn = torch.nn
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.BatchNorm1d(128), nn.LeakyReLU(), nn.Dropout(0.2),
        nn.Linear(128, 64), nn.LayerNorm(64), nn.SiLU(), nn.Linear(64, 10), nn.Softmax(dim=1),
    )  # fmt: skip
    return model, None, {"input_range": (-1, 1)}


def residual_stem(torch):
    """Padding of 1 with stride 2, as in the stems of residual networks; a global average."""
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 16, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        nn.Sequential(
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32, affine=False),
            nn.ELU(),
        ),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Linear(32, 10),
    )
    return model, None, {}


def mobile(torch):
    nn = torch.nn
    model = nn.Sequential(
        nn.ZeroPad2d((1, 2, 0, 1)),
        nn.Conv2d(1, 8, 3, stride=2),
        nn.ReLU6(),
        nn.Conv2d(8, 16, 3, padding="same", groups=8),
        nn.BatchNorm2d(16),
        nn.Sigmoid(),
        nn.AvgPool2d(3, stride=2, padding=1),
        nn.Conv2d(16, 24, 1),
        nn.SELU(),
        nn.Dropout2d(0.1),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(24, 10),
    )
    return model, None, {"input_range": (1, 0)}


def repeated(torch):
    """One ReLU, and a block with weights, that are used twice."""
    nn = torch.nn
    relu, block = nn.ReLU(), nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8))
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, stride=2), relu, block, relu, block, relu),
        *(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(288, 32), relu, nn.Linear(32, 10)),
    )
    return model, None, {}


MODELS = [example, lenet, perceptron, residual_stem, mobile, repeated]


def train(torch, model, images, labels) -> None:
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    model.train()
    for begin in range(0, 256, 64):
        optimizer.zero_grad()
        scores = model(images[begin : begin + 64])
        torch.nn.functional.cross_entropy(scores, labels[begin : begin + 64]).backward()
        optimizer.step()
    model.eval()


def as_input(torch, images: np.ndarray, options):
    x = torch.tensor(images[:, None] / np.float32(255))
    low, high = options.get("input_range", (0, 1))
    mean, deviation = options.get("normalize", (0, 1))
    return (low + (high - low) * x - mean) / deviation


@pytest.mark.parametrize("make", MODELS)
def test_models(torch, sample: Dataset, make):
    torch.manual_seed(1)
    model, layers, options = make(torch)
    images = as_input(torch, sample.X_train[:256], options)
    train(torch, model, images, torch.tensor(sample.y_train[:256].astype(np.int64)))
    with torch.no_grad():
        scores = model(as_input(torch, sample.X_test, options))
        sums = scores.exp().sum(1)
        is_probability = bool((scores >= 0).all()) and bool(
            torch.allclose(scores.sum(1), sums * 0 + 1)
        )
        theirs = (scores if is_probability else torch.softmax(scores, 1)).numpy()
    torch.save(model.state_dict(), "model.pt")
    save_file({k: v.numpy() for k, v in model.state_dict().items()}, "model.safetensors")
    sources = [model, model.state_dict(), "model.pt", "model.safetensors"]
    if layers is None:
        layers = _torch_layers.layers_of_module(model)
        assert DigitClassifier.from_torch(model, **options).network_.classes == 10
    for source in sources:
        ours = DigitClassifier.from_torch(source, layers, **options)
        probabilities = ours.network_.predict_proba(sample.X_test, 1 / 255)
        assert np.ptp(theirs, axis=0).max() > 5e-4
        assert np.abs(probabilities - theirs).max() <= TOLERANCE
    ours.save("ours.safetensors")
    again = ocrdigit.load("ours.safetensors").network_.predict_proba(sample.X_test, 1 / 255)
    assert (again == probabilities).all()


# ---- a state_dict without PyTorch ----


def small_state(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {
        "conv.weight": (4, 1, 3, 3),
        "conv.bias": (4,),
        "bn.weight": (4,),
        "bn.bias": (4,),
        "bn.running_mean": (4,),
        "bn.running_var": (4,),
        "fc.weight": (10, 4 * 13 * 13),
        "fc.bias": (10,),
    }
    return {name: rng.uniform(0.1, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}


SMALL = ["conv", "bn", "ReLU", POOL, "Flatten", "fc"]


def test_arrangement_of_weights():
    state = small_state()
    weights = DigitClassifier.from_torch(state, SMALL).network_.weights()
    assert (weights["conv2d_1.kernel"] == state["conv.weight"].transpose(2, 3, 1, 0)).all()
    rows = state["fc.weight"].reshape(10, 4, 13, 13).transpose(2, 3, 1, 0).reshape(-1, 10)
    assert (weights["dense_1.kernel"] == rows).all()
    checkpoint = {"epoch": 3, "model_state_dict": state, "optimizer": {"lr": 0.1}}
    again = DigitClassifier.from_torch(checkpoint, SMALL).network_.weights()
    assert all((again[name] == values).all() for name, values in weights.items())


@pytest.mark.parametrize(
    ("layers", "kind", "words"),
    [
        (None, TypeError, "layers is missing"),
        ("conv", TypeError, "layers must be a list, got str"),
        ([3], TypeError, r"layers\[0\] must be a str or a dict, got int"),
        (["conv", "bn", "GELU", "Flatten", "fc"], ValueError, r"layers\[2\] is 'GELU': neither"),
        (["conv", {"name": "bnn"}], ValueError, r"layers\[1\] names 'bnn'.*'bn', 'conv', 'fc'"),
        (["conv", {"name": "bn", "type": "ReLU"}], ValueError, 'ReLU, does not take the "name"'),
        ([{"type": "Conv2d"}], ValueError, r"a Conv2d, needs the \"name\""),
        ([{"name": "conv", "strides": 2}], ValueError, "a Conv2d, has 'strides', expected only"),
        ([{"name": "conv", "stride": 1.5}], ValueError, "'conv' has stride 1.5"),
        ([{"name": "conv", "padding_mode": "circular"}], ValueError, "has padding_mode 'circular'"),
        (["conv", "bn", "ReLU", {"type": "MaxPool2d"}], ValueError, "has kernel_size None"),
        (["conv", "bn", "ReLU", POOL, "fc"], ValueError, "'fc'"),
        (["conv", "bn", {**POOL, "padding": 1}], ValueError, "has padding 1, expected 0, unless"),
        (["conv", "bn", "ReLU", {**POOL, "kernel_size": 3, "ceil_mode": True}], ValueError,
         "ceil_mode"),
        (["conv", "ReLU", POOL, "Flatten", "fc"], ValueError, "tensors of 'bn', which layers"),
        (["conv", "bn", "ReLU", "Flatten", "fc"], ValueError, "'fc' has a kernel"),
        (["bn", "conv"], ValueError, "'bn' has a tensor"),
        ([*SMALL, "Sigmoid"], ValueError, "Sigmoid', the last, is the activation sigmoid"),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit(layers, kind, words):
    with pytest.raises(kind, match=words):
        DigitClassifier.from_torch(small_state(), layers)


def test_messages_list_a_few_names():
    state = {f"{index:03}.{'x' * 1000}.weight": np.zeros(3) for index in range(500)}
    for layers in (["Flatten", {"name": "fc"}], ["Flatten", "fc"], ["Flatten"]):
        with pytest.raises(ValueError, match=r"'009\.x+ and 490 more") as caught:
            DigitClassifier.from_torch(state, layers)
        assert len(str(caught.value)) < 1500


def test_state_dicts_that_are_none():
    for source, kind, words in (
        (3, TypeError, "state_dict must be a dict of tensors, got int"),
        ({"conv.weight": "x"}, TypeError, r"state_dict\['conv.weight'\] must be a tensor, got str"),
        ({1: np.zeros(3)}, TypeError, "names of tensors"),
        ({}, ValueError, "no tensors"),
        ({**small_state(), "fc.bias": np.full(10, np.nan, np.float32)}, ValueError, "dense_1.bias"),
    ):
        with pytest.raises(kind, match=words):
            DigitClassifier.from_torch(source, SMALL)
    state = small_state()
    state["fc.weight"], state["fc.bias"] = state["fc.weight"][:7], state["fc.bias"][:7]
    with pytest.raises(ValueError, match="7 outputs, of layer 'fc'; expected 10 classes"):
        DigitClassifier.from_torch(state, SMALL)


def test_modules_with_code(torch):
    with pytest.raises(TypeError, match=r"a Net, whose order of layers is in its forward\(\)"):
        DigitClassifier.from_torch(example(torch)[0])


def test_options_of_modules_that_change_the_result(torch):
    nn = torch.nn
    for pool, words in (
        (nn.AvgPool2d(2, divisor_override=1), "has divisor_override 1, expected None"),
        (nn.MaxPool2d(2, return_indices=True), "has return_indices True, expected False"),
        (nn.AdaptiveMaxPool2d(14, return_indices=True), "has return_indices True, expected False"),
    ):
        with pytest.raises(ValueError, match=words):
            DigitClassifier.from_torch(nn.Sequential(pool, nn.Flatten(), nn.Linear(196, 10)))
    for first, words in (
        (nn.Conv2d(1, 4, 1, padding_mode="reflect"), "has padding_mode 'reflect'"),
        (nn.MaxPool2d(1, dilation=2), "has dilation 2, expected 1"),
        (nn.MaxPool2d(3, 2, ceil_mode=True), "has ceil_mode True"),
        (nn.AvgPool2d(3, 1, 1, count_include_pad=False), "has count_include_pad False"),
        (nn.BatchNorm2d(1, track_running_stats=False), "no running_mean"),
        (nn.LayerNorm(28, elementwise_affine=False), "'0', and state_dict has no tensors"),
    ):
        with pytest.raises(ValueError, match=words):
            DigitClassifier.from_torch(nn.Sequential(first, nn.Flatten(), nn.Linear(784, 10)))


def test_softmax_of_columns_is_refused(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Conv2d(1, 10, 28), nn.Softmax(dim=-1))
    with pytest.raises(ValueError, match="has dim -1, expected 1, that of the channels"):
        DigitClassifier.from_torch(model)


def test_options_of_modules_are_known(torch):
    """Whatever a constructor takes is read, seen in the tensors, or does not change the result."""
    in_tensors = {
        *("in_channels", "out_channels", "in_features", "out_features", "num_features", "bias"),
        *("normalized_shape", "elementwise_affine", "affine", "track_running_stats"),
    }
    without_effect = {"inplace", "momentum", "device", "dtype", "args", "kwargs"}
    for kind in _torch_layers._CONVERTERS:
        known = {*_torch_layers._OPTIONS.get(kind, ()), *in_tensors, *without_effect}
        if kind == "Conv2d":
            known.add("kernel_size")
        assert set(inspect.signature(getattr(torch.nn, kind)).parameters) <= known, kind


def test_load_says_what_is_missing(torch):
    torch.save(lenet(torch)[0].state_dict(), "model.pth")
    with pytest.raises(ValueError, match=r"model\.pth: a file of PyTorch has weights.*from_torch"):
        ocrdigit.load("model.pth")


# ---- files: nothing of a pickle is run ----


class Storage:
    """Pickled as a persistent id."""

    def __init__(self, key: str, count: int) -> None:
        self.id = ("storage", GLOBALS["torch FloatStorage"], key, "cpu", count)


def named(module: str, name: str):
    """Return a class that is pickled as module.name."""
    return type(name, (), {"__module__": module, "__qualname__": name})


GLOBALS = {
    key: named(*key.split()) for key in ("torch FloatStorage", "torch._utils _rebuild_tensor_v2")
}


class Pickler(pickle._Pickler):
    """Writes the classes of GLOBALS by name, without importing them, and storages by their id."""

    def persistent_id(self, obj):
        return obj.id if isinstance(obj, Storage) else None

    def save_global(self, obj, name=None):
        if obj in GLOBALS.values():
            self.write(pickle.GLOBAL + f"{obj.__module__}\n{obj.__qualname__}\n".encode())
            self.memoize(obj)
        else:
            super().save_global(obj, name)

    dispatch: ClassVar = {**pickle._Pickler.dispatch, type: save_global}


class Tensor:
    """Pickled as a call of the function that rebuilds a tensor."""

    def __init__(self, *arguments) -> None:
        self.arguments = arguments

    def __reduce__(self):
        return GLOBALS["torch._utils _rebuild_tensor_v2"], self.arguments


# __reduce__ demands a callable; the stand-in is never called here.
def write_pt(path: str, value, members: dict[str, bytes], root: str = "archive") -> None:
    data = io.BytesIO()
    Pickler(data, protocol=2).dump(value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/data.pkl", data.getvalue())
        archive.writestr(f"{root}/byteorder", b"little")
        for name, content in members.items():
            archive.writestr(f"{root}/{name}", content)


def written_state(path: str) -> dict[str, np.ndarray]:
    state, value, members = small_state(), OrderedDict(), {}
    for key, (name, array) in enumerate(state.items()):
        strides = tuple(step // 4 for step in array.strides)
        storage = Storage(str(key), array.size)
        value[name] = Tensor(storage, 0, array.shape, strides, False, OrderedDict())
        members[f"data/{key}"] = array.tobytes()
    write_pt(path, value, members)
    return state


def test_a_file_by_hand():
    state = written_state("model.pt")
    ours = DigitClassifier.from_torch("model.pt", SMALL).network_.weights()
    theirs = DigitClassifier.from_torch(state, SMALL).network_.weights()
    assert all((ours[name] == values).all() for name, values in theirs.items())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_of_every_kind(torch, protocol):
    """Number types, views, shared storages and checkpoints, as torch.save writes them."""
    numbers = torch.arange(24.0).reshape(4, 6) / 7
    state = OrderedDict(
        half=numbers.half(), brain=numbers.bfloat16(), double=numbers.double(),
        transposed=numbers.T, part=numbers[1:3, ::2], expanded=numbers[:1].expand(3, 6),
        empty=torch.zeros(0, 3), scalar=torch.tensor(3), flags=numbers > 1,
        bytes=numbers.to(torch.uint8), signed=-numbers.to(torch.int8),
        short=numbers.short(), whole=numbers.int(), parameter=torch.nn.Parameter(numbers),
    )  # fmt: skip
    state._metadata = {"": {"version": 1}}
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    checkpoint = {"epoch": 3, "optimizer": optimizer.state_dict(), "state_dict": state}
    for value in (state, checkpoint):
        torch.save(value, "model.pt", pickle_protocol=protocol)
        found = tensors_of_file(Path("model.pt").read_bytes())
        assert found.keys() == state.keys()
        for name, expected in state.items():
            assert found[name].dtype == np.float32
            assert np.array_equal(found[name], expected.detach().float().numpy()), name


def test_keys_and_instructions_of_pickles():
    for pickled, words in (
        (b"}(NNNu.", "a dict whose keys"),
        (b"}))s.", "a dict whose keys"),
        (b"}(Nu.", "a dict whose keys"),
        (b"}u.", "objects that it does not have"),
        (b"(.", "objects that it does not have"),
        (b"N(\x85.", "objects that it does not have"),
        (b"h\x01.", "refers to an object that it does not have"),
        (b")}b.", "has no dict where"),
        (b"N]b.", "has no dict where"),
        (b"}Na.", "has no list where"),
        (b"N)R.", "has no Name where"),
        (b"ccollections\nOrderedDict\n}R.", "has no tuple where"),
        (b"ccollections\nOrderedDict\nN\x85R.", "calls collections OrderedDict with 1"),
        (b"ctorch\nFloatStorage\n)R.", "calls torch FloatStorage with 0"),
        (b"NN\x93.", "names an object by something else"),
        (b"NQ.", "something else than a tensor's numbers"),
        (b"cbuiltins\neval\n.", "an object of builtins.eval"),
        (b"}r\xff\xff\xff\x7f.", "no tensors"),
    ):
        with zipfile.ZipFile("model.pt", "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02" + pickled)
        with pytest.raises(ValueError, match=rf"model\.pt: .*{words}"):
            DigitClassifier.from_torch("model.pt", SMALL)


def test_a_pickle_changes_nothing_outside():
    """BUILD sets attributes of what is last, such as a function that the pickle names."""
    build = b"ctorch._utils\n_rebuild_parameter\nN}X\x08\0\0\0__name__X\1\0\0\0xs\x86b."
    with zipfile.ZipFile("model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + build)
    with pytest.raises(ValueError, match=r"model\.pt: damaged: its pickle has no dict where"):
        DigitClassifier.from_torch("model.pt", SMALL)


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("touched"),)


def test_code_in_a_pickle_is_refused():
    for value in (Evil(), {"conv.weight": Evil()}, OrderedDict(x=[Evil()])):
        write_pt("model.pt", value, {})
        with pytest.raises(ValueError, match=r"model\.pt: it holds an object of .*code is not run"):
            DigitClassifier.from_torch("model.pt", SMALL)
    assert not Path("touched").exists()


def test_hostile_tensors():
    four = np.zeros(4, np.float32).tobytes()
    empty = OrderedDict()
    cases = [
        (Tensor(Storage("0", 4), 0, (5,), (1,), False, empty), "impossible size"),
        (Tensor(Storage("0", 4), 0, (1 << 40,), (0,), False, empty), "impossible size"),
        (Tensor(Storage("0", 4), 0, (4, 4, 4), (0, 0, 0), False, empty), "more numbers"),
        (Tensor(Storage("0", 4), 3, (2,), (1,), False, empty), "more numbers"),
        (Tensor(Storage("0", 4), -1, (2,), (1,), False, empty), "impossible size"),
        (Tensor(Storage("0", 4), 0, (2,), (-1,), False, empty), "impossible size"),
        (Tensor(Storage("0", 5), 0, (2,), (1,), False, empty), "has 16 bytes, expected 5 numbers"),
        (Tensor(Storage("9", 4), 0, (2,), (1,), False, empty), "data/9"),
        (Tensor([1.0], 0, (1,), (1,), False, empty), "without numbers"),
        (Tensor(Storage("0", 4), 0, [4], (1,), False, empty), "without numbers"),
        (Tensor(), "without numbers"),
        (1 << 3000, "instruction LONG4"),
    ]
    for value, words in cases:
        write_pt("model.pt", OrderedDict(x=value), {"data/0": four})
        with pytest.raises(ValueError, match=rf"model\.pt: .*{words}"):
            DigitClassifier.from_torch("model.pt", SMALL)


def test_hostile_files(torch):
    written_state("good.pt")
    whole = Path("good.pt").read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        Path("model.pt").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.pt: "):
            DigitClassifier.from_torch("model.pt", SMALL)
    Path("model.pt").write_bytes(whole)
    check_damaged_copies("model.pt", lambda path: DigitClassifier.from_torch(path, SMALL), 200)
    with zipfile.ZipFile("bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"N0" * (100 << 20))
    with pytest.raises(ValueError, match=r"bomb\.pt: .*unpacks to"):
        DigitClassifier.from_torch("bomb.pt", SMALL)
    torch.save(lenet(torch)[0].state_dict(), "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match=r"old\.pt: a file of PyTorch before 1\.6"):
        DigitClassifier.from_torch("old.pt", SMALL)
    torch.save(torch.nn.Sequential(torch.nn.Linear(784, 10)), "whole.pt")
    with pytest.raises(ValueError, match=r"whole\.pt: it holds an object of torch\.nn"):
        DigitClassifier.from_torch("whole.pt", SMALL)
    torch.jit.script(torch.nn.Sequential(torch.nn.Linear(784, 10))).save("script.pt")
    with pytest.raises(ValueError, match=r"script\.pt: a TorchScript archive"):
        DigitClassifier.from_torch("script.pt", SMALL)
