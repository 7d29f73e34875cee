"""Call a model: on values, or on symbolic tensors."""

from fastgd._autodiff.tensor import Tensor
from fastgd._data.packing import parts
from fastgd._data.validation import boolean
from fastgd.layers.eager import call_program
from fastgd.layers.symbolic import listed
from fastgd.tape import recording


def on_values(model, x, training):
    """Return the outputs for arrays or Tensors: Tensors while a tape records."""
    training = training is not None and boolean(training, "training")
    plain = values_of(x)
    packed = model.prepared_inputs(plain)
    if not recording() and not training:
        return model.predict(plain)
    assembly, signature = model.assembly(), model.adapter().signature
    names = signature.input_names
    inputs = [x] if len(names) == 1 and not isinstance(x, dict) else x
    inputs = [x[name] for name in names] if isinstance(x, dict) else list(inputs)
    found = call_program(
        model.compiled_step().program, assembly.parameters, assembly.variables, assembly.start,
        packed, inputs, signature.output_shapes, training,
    )  # fmt: skip
    return model.restore_structure(found)


def on_symbols(model, x):
    """Return the symbolic outputs of a model that is a layer of another graph."""
    if isinstance(x, dict):
        if not model.built:
            model.build({name: tensor.shape for name, tensor in x.items()})
        x = parts(x, model.adapter().signature.input_names, "x", [0] * len(x))
    if model.built and isinstance(x, (list, tuple)):
        x = x[0] if len(model.inputs) == 1 else list(x)
    outputs = model.called_on(x).outputs
    return (
        outputs if not isinstance(outputs, list) else model.restore_structure(listed(outputs))
    )


def values_of(x):
    """Return inputs with plain arrays in the place of Tensors."""
    if isinstance(x, dict):
        return {name: values_of(one) for name, one in x.items()}
    if isinstance(x, (list, tuple)) and any(isinstance(one, Tensor) for one in x):
        return [values_of(one) for one in x]
    return x.numpy() if isinstance(x, Tensor) else x
