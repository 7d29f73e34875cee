"""ONNX Runtime, which only predicts."""

from fastgd.bench import threads
from fastgd.bench.side import prediction_side


def serialized(weights, dtype):
    """Return a ReLU network as an ONNX model, in bytes."""
    from onnx import TensorProto, helper, numpy_helper

    kind = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}[dtype]
    nodes, constants, source = [], [], "x"
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    for i, pair in enumerate(pairs):
        names = f"kernel{i}", f"bias{i}"
        constants += [numpy_helper.from_array(a, n) for a, n in zip(pair, names, strict=True)]
        nodes.append(helper.make_node("Gemm", [source, *names], [f"z{i}"]))
        source = f"z{i}"
        if i < len(pairs) - 1:
            nodes.append(helper.make_node("Relu", [source], [f"a{i}"]))
            source = f"a{i}"
    ends = [
        helper.make_tensor_value_info(name, kind, [None, width])
        for name, width in (("x", len(weights[0])), (source, len(weights[-1])))
    ]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], constants)
    version = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=version, ir_version=9).SerializeToString()


def prediction(workload):
    """Time calls of a session."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads.held()
    session = onnxruntime.InferenceSession(
        serialized(workload.weights(), workload.dtype),
        options,
        providers=["CPUExecutionProvider"],
    )
    return prediction_side(workload, lambda x: session.run(None, {"x": x})[0])
