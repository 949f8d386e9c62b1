"""BERT's encoder as an ONNX graph whose weights stay in the folder's `model.safetensors`.

ONNX lets a tensor lie outside of the model file, at an offset in another: so `model.onnx` is a few kilobytes that
point into the safetensors file, the weights are on disk once, and ONNX Runtime maps them instead of reading them.

    input_ids (batch, length) int64, attention_mask (batch, length) int64, 1 where a token is, padding on the right
    → last_hidden_state (batch, length, hidden) float32

Token types are all zero. The fused operators are ONNX Runtime's own (domain com.microsoft). An adapter (see
`rag.models.adapters`) adds `x Aᵀ Bᵀ` to the products `x Wᵀ` of the layers that it has A and B for.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.models.folder import GRAPH, WEIGHTS, read_config

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

_OPSET = 17
_CONTRIB = "com.microsoft"


def write_graph(folder: Path, adapter: str = "") -> None:
    """Write `folder`/model.onnx for the BERT whose config.json and model.safetensors lie there.

    With the name of an adapter, whose weights lie there too, its own graph is written: `folder`/<adapter>.onnx.
    """
    import onnx
    from onnx import TensorProto, helper

    config = read_config(folder)
    base, added = _tensors_of(folder / WEIGHTS), _tensors_of(folder / f"{adapter}.safetensors") if adapter else {}
    graph = _Graph(config, adapted=set(added))
    graph.build()
    ids, mask = (
        helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "length"])
        for n in ("input_ids", "attention_mask")
    )
    shape = ["batch", "length", config["hidden_size"]]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)
    tensors = [(base | added)[name] for name in sorted(graph.weights)] + graph.constants
    proto = helper.make_graph(graph.nodes, "encoder", [ids, mask], [output], tensors)
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)]
    model = helper.make_model(proto, opset_imports=opsets, producer_name="rag", ir_version=8)
    onnx.save_model(model, folder / (f"{adapter}.onnx" if adapter else GRAPH))


class _Graph:
    """Collects the nodes; `weights` holds the names of the tensors that they use, `adapted` those of an adapter."""

    def __init__(self, config: dict[str, Any], adapted: set[str]) -> None:
        self.config = config
        self.adapted = adapted
        self.nodes: list[NodeProto] = []
        self.weights: set[str] = set()
        self.constants: list[TensorProto] = []

    def build(self) -> None:
        """All nodes. Activations are (tokens, hidden), but (batch, length, hidden) around attention."""
        hidden = int(self.config["hidden_size"])
        self.integers("flat", [-1, hidden])
        self.integers("zero", [0])
        self.integers("first", 0)
        self.integers("one", [1])
        lengths = self.node("ReduceSum", ["attention_mask", "one"], keepdims=0)
        self.node("Cast", [lengths], to=6, output="lengths")  # 6: int32
        ids_shape = self.node("Shape", ["input_ids"])
        width = self.integers("width", [hidden])
        self.node("Concat", [ids_shape, width], axis=0, output="stacked")
        state = self.embedding(ids_shape)
        for layer in range(int(self.config["num_hidden_layers"])):
            state = self.layer(f"encoder.layer.{layer}.", state)
        self.node("Reshape", [state, "stacked"], output="last_hidden_state")

    def embedding(self, ids_shape: str) -> str:
        """The sum of word, position and type embeddings, normalised: (tokens, hidden)."""
        words = self.node("Gather", [self.weight("embeddings.word_embeddings.weight"), "input_ids"])
        words = self.node("Cast", [words], to=1)  # 1: float32
        length = self.node("Gather", [ids_shape, "one"])
        positions = self.node("Slice", [self.weight("embeddings.position_embeddings.weight"), "zero", length, "zero"])
        kinds = self.node("Gather", [self.weight("embeddings.token_type_embeddings.weight"), "first"])
        added = self.node("Add", [self.node("Add", [words, positions]), kinds])
        flat = self.node("Reshape", [added, "flat"])
        scale, shift = (self.weight(f"embeddings.LayerNorm.{kind}") for kind in ("weight", "bias"))
        return self.node("LayerNormalization", [flat, scale, shift], axis=-1, epsilon=self.config["layer_norm_eps"])

    def layer(self, name: str, state: str) -> str:
        """One encoder layer: (tokens, hidden) → (tokens, hidden)."""
        heads = int(self.config["num_attention_heads"])
        parts = [self.linear(name + f"attention.self.{part}", state) for part in ("query", "key", "value")]
        stacked = [self.node("Reshape", [part, "stacked"]) for part in parts]
        attended = self.node("MultiHeadAttention", [*stacked, "", "lengths"], contrib=True, num_heads=heads)
        attended = self.node("Reshape", [attended, "flat"])
        state = self.added(name + "attention.output", attended, state)
        inner = self.product(name + "intermediate.dense", state)
        bias = self.weight(name + "intermediate.dense.bias")
        inner = self.node("BiasGelu", [inner, bias], contrib=True)
        return self.added(name + "output", inner, state)

    def linear(self, name: str, state: str) -> str:
        weight, bias = self.weight(name + ".weight"), self.weight(name + ".bias")
        return self.lowered(name, state, self.node("Gemm", [state, weight, bias], transB=1))

    def product(self, name: str, state: str) -> str:
        return self.lowered(name, state, self.node("Gemm", [state, self.weight(name + ".weight")], transB=1))

    def lowered(self, name: str, state: str, product: str) -> str:
        """The product, and what the adapter adds to it."""
        if f"{name}.A" not in self.adapted:
            return product
        low = self.node("Gemm", [state, self.weight(f"{name}.A")], transB=1)
        return self.node("Gemm", [low, self.weight(f"{name}.B"), product], transB=1)

    def added(self, name: str, update: str, state: str) -> str:
        """LayerNorm(state + dense(update))."""
        product = self.product(name + ".dense", update)
        scale, shift = (self.weight(f"{name}.LayerNorm.{kind}") for kind in ("weight", "bias"))
        inputs = [product, state, scale, shift, self.weight(name + ".dense.bias")]
        return self.node("SkipLayerNormalization", inputs, contrib=True, epsilon=self.config["layer_norm_eps"])

    def node(self, kind: str, inputs: list[str], *, contrib: bool = False, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = output or f"{kind}_{len(self.nodes)}"
        domain = _CONTRIB if contrib else ""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def weight(self, name: str) -> str:
        self.weights.add(name)
        return name

    def integers(self, name: str, values: int | list[int]) -> str:
        import numpy as np
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name


def _tensors_of(path: Path) -> dict[str, TensorProto]:
    """The tensors of a safetensors file by name, each saying where in the file its bytes lie.

    A safetensors file is the size of its header (uint64), the header (JSON), the bytes; offsets count from the bytes.
    """
    from onnx import TensorProto

    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    kinds = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16}
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        tensor = TensorProto(name=name, dims=entry["shape"], data_type=kinds[entry["dtype"]])
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", path.name), ("offset", 8 + size + start), ("length", end - start)):
            item = tensor.external_data.add()
            item.key, item.value = key, str(value)
        found[name] = tensor
    return found
