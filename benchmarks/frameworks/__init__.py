"""How each framework does a workload of ``python -m fastgd bench``, one framework a file.

``goals`` does what the command's option of this name asks for. A framework is imported when one
of its functions is called.
"""

from fastgd.bench.frameworks import Framework, network_makers
from fastgd.bench.workloads import Prediction, Training
from frameworks import goals as goals
from frameworks import jax_scan, keras_fit, onnx_runtime, pytorch, scikit_learn

# Without it, JAX computes in float32 whatever it is given.
_DOUBLES = {"JAX_ENABLE_X64": "1"}


def _keras(backend):
    return Framework(
        f"Keras ({backend})",
        network_makers("import keras", keras_fit.training, keras_fit.prediction),
        ("keras", backend),
        {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", **_DOUBLES},
        1e-5,  # its optimizers keep their scalars in float32, whatever a model's data type
    )


FRAMEWORKS = {
    "sklearn": Framework(
        "scikit-learn",
        network_makers(
            "import sklearn.neural_network", scikit_learn.training, scikit_learn.prediction
        ),
        ("sklearn",),
    ),
    "torch": Framework(
        "PyTorch",
        network_makers("import torch", pytorch.training, pytorch.prediction),
        ("torch",),
    ),
    "torch-compile": Framework(
        "PyTorch, compiled", {Training: pytorch.compiled_training}, ("torch",)
    ),
    "jax": Framework(
        "JAX scan",
        network_makers("import jax.numpy", jax_scan.training, jax_scan.prediction),
        ("jax",),
        _DOUBLES,
    ),
    "keras-tensorflow": _keras("tensorflow"),
    "keras-jax": _keras("jax"),
    "keras-torch": _keras("torch"),
    "onnxruntime": Framework(
        "ONNX Runtime", {Prediction: onnx_runtime.prediction}, ("onnx", "onnxruntime")
    ),
}
