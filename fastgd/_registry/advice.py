"""What to write instead of a name that does not exist, also one that other libraries have."""

import functools
import inspect
import sys
from collections.abc import Callable, Collection, Iterable
from opcode import opmap
from typing import Any, Never, NoReturn, Self

from fastgd.errors import UnknownArgumentError

#: So many names are listed in a message; of more, the nearest.
MOST = 10

#: Names of the same thing in Keras 1 and 2, PyTorch, scikit-learn and other libraries, as
#: `_key` gives them: where one of them does not exist, those that do are what was meant.
SYNONYMS = tuple(
    frozenset(names.split())
    for names in (
        "learningrate lr eta eta0 learningrateinit stepsize",
        "epochs nbepoch nepoch nepochs numepochs maxiter niter iterations",
        "batchsize batch nbatch minibatchsize",
        "validationsplit validationsize validationfraction testsize valsplit",
        "validationdata evalset valdata",
        "verbose verbosity progress",
        "callbacks callback",
        "metrics metric scoring",
        "optimizer optim solver",
        "loss criterion lossfunction objective",
        "units outputdim outfeatures nunits numunits nout hiddenunits",
        "inputdim inputsize infeatures nin",
        "rate p prob dropoutrate",
        "negativeslope alpha slope",
        "epsilon eps",
        "beta1 betas",
        "beta2 betas",
        "rho alpha",
        "stddev sigma std",
        "usebias bias fitintercept",
        "l2 weightdecay alpha lambda reglambda",
        "kernelinitializer init kernelinit weightinit",
        "kernelregularizer wregularizer weightregularizer l2reg",
        "seed randomstate randomseed",
        "njobs workers nthreads numthreads numworkers",
        "patience niternochange earlystoppingrounds",
        "mindelta tol",
        "clipnorm gradclip maxgradnorm",
        "rootmeansquarederror rmse",
        "r2score r2 rsquared",
        "accuracy acc",
        "auc rocauc rocaucscore",
        "f1score f1",
        "log bce binarycrossentropy logistic bcewithlogits",
        "crossentropy categoricalcrossentropy sparsecategoricalcrossentropy nll",
        "mse l2 squarederror meansquarederror",
        "mae l1 absoluteerror meanabsoluteerror",
        "glorotuniform xavier xavieruniform",
        "glorotnormal xaviernormal",
        "heuniform kaiminguniform",
        "henormal kaiming kaimingnormal he",
        "dense linear fullyconnected fc",
        "batchnormalization batchnorm batchnorm1d",
        "layernormalization layernorm",
        "concatenate concat cat merge",
        "relu rectifier",
    )
)

_NETWORKS = "fastgd is made for dense networks: it has no {}"
_RATE = "write it where the optimizer is made: optimizers.Adam(learning_rate=...)"
_SCHEDULE = (
    "write learning_rate=optimizers.schedules.InverseTimeDecay(...), or weight_decay for a "
    "penalty on the weights"
)
#: Names, as `_key` gives them, of what fastgd does not have -> what to do instead.
LACKING = {
    "lr": _RATE,
    "learningrate": _RATE,
    "r2": "write 'mse', which has the same minimum; r2_score is a metric",
    "c": "write l2, the strength of the penalty: 1 / (C n) for n rows",
    "lambda": "write layers.Activation(function) for a function of each element, or a class "
    "derived from fastgd.Model with call",
    "decay": _SCHEDULE,
    "lrdecay": _SCHEDULE,
    "usemultiprocessing": "write n_jobs for threads; batches are not loaded in processes",
    "maxqueuesize": "leave it out: batches are not loaded ahead",
    "reducelr": "write callbacks.ReduceLROnPlateau",
    "sklearn": "import it by itself: import fastgd.sklearn",
    "keras": "fastgd has Keras' words itself, as in fastgd.layers",
    "nputils": "write fastgd.utils.to_categorical and its neighbours",
}
for _what, _names in {
    "convolutions and pooling": "conv1d conv2d conv3d separableconv2d depthwiseconv2d "
    "conv2dtranspose maxpooling1d maxpooling2d averagepooling2d globalaveragepooling1d "
    "globalaveragepooling2d globalmaxpooling1d maxpool2d zeropadding2d upsampling2d",
    "recurrence": "lstm gru rnn simplernn bidirectional timedistributed lstmcell convlstm2d "
    "masking",
    "attention": "attention multiheadattention additiveattention transformer",
}.items():
    LACKING |= dict.fromkeys(_names.split(), _NETWORKS.format(_what))


def _key(name):
    """Return a name without its module, case, underscores, and what libraries add to it."""
    key = name.rpartition(".")[2].lower().replace("_", "").removeprefix("reduce")
    for word in ("optimizer", "loss", "layer", "callback"):
        key = key.removesuffix(word) or key
    return key


def advice(name: str, known: Collection[str]) -> str:
    """Return the end of a message about an unknown name: what to write instead."""
    from difflib import get_close_matches  # which an import of fastgd need not wait for

    key = _key(name)
    by_key = {_key(one): one for one in sorted(known, reverse=name[:1].isupper())}
    others = frozenset().union(*(group for group in SYNONYMS if key in group))
    found = [by_key[key]] if key in by_key else sorted(by_key[k] for k in others & set(by_key))
    if not found and key in LACKING:
        return f"; {LACKING[key]}"
    close = get_close_matches(key, by_key, 1, 0.8) or get_close_matches(key, by_key, 3)
    found = found or [by_key[one] for one in close]
    if found:
        return f"; did you mean {' or '.join(map(repr, found))}?"
    if len(known) <= MOST:
        return f" (there are: {', '.join(sorted(known))})"
    near = (by_key[one] for one in get_close_matches(key, by_key, n=5, cutoff=0))
    return f" (of {len(known)} names the nearest are: {', '.join(near)})"


def unknown_argument(what: str, name: str, known: Collection[str]) -> UnknownArgumentError:
    """Return the error for an argument that a call does not have."""
    return UnknownArgumentError(f"{what}: no argument {name!r}{advice(name, known)}")


def refuse(function: Callable[..., Any], unknown: Iterable[str]) -> None:
    """Raise the error for arguments that a function does not have, if there are any."""
    for name in unknown:
        raise unknown_argument(function.__name__, name, arguments_of(function) or ())


def arguments_of(function: Callable[..., Any]) -> list[str] | None:
    """Return the names of the arguments of a function; None if it takes any.

    ``**unknown: Never`` is there to be refused: it takes none.
    """
    parameters = inspect.signature(function).parameters.values()
    more = [p for p in parameters if p.kind is p.VAR_KEYWORD]
    if more and more[0].annotation is not Never:
        return None
    return [p.name for p in parameters if p not in more and p.name != "self"]


_new = object.__new__


class NamedArguments:
    """A class whose constructor says what to write for an argument that it does not have."""

    #: Whether ``**kwargs`` of a constructor are arguments of the base class.
    _kwargs_of_base = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if kwargs and not kwargs.keys() <= (accepted := _accepted(cls)):  # type: ignore[arg-type]
            for name in kwargs:
                if accepted and name not in accepted:
                    raise unknown_argument(cls.__name__, name, accepted)
        if (args or kwargs) and cls.__init__ is object.__init__:  # which would ignore them
            raise UnknownArgumentError(f"{cls.__name__}: expected no arguments")
        return _new(cls)


@functools.cache
def _accepted(cls: Any) -> frozenset[str]:
    """Return the names of the arguments of a class; none if it takes any."""
    names: set[str] = set()
    for base in cls.__mro__:
        init = vars(base).get("__init__")
        if not inspect.isfunction(init):
            continue
        parameters = list(inspect.signature(init).parameters.values())[1:]
        names.update(p.name for p in parameters if p.kind is not p.VAR_KEYWORD)
        # Of the code, for the signature of an estimator hides its **kwargs.
        if not init.__code__.co_flags & inspect.CO_VARKEYWORDS:
            return frozenset(names)
        if not (base.__module__.startswith("fastgd.") and cls._kwargs_of_base):
            break
    return frozenset()


def no_attribute(module: str, name: str, known: Collection[str]) -> NoReturn:
    """Raise the error of a module's ``__getattr__``: it says what to write."""
    message = f"module {module!r} has no attribute {name!r}"
    if not name.startswith("_"):
        message += advice(name, known)
    caller = sys._getframe(1)
    while caller.f_back and caller.f_code.co_name == "__getattr__":
        caller = caller.f_back
    if caller.f_code.co_code[caller.f_lasti] == opmap["IMPORT_FROM"]:
        raise ImportError(message, name=module)  # Python would replace an AttributeError
    raise AttributeError(message, name=name)


def explain(namespace: dict[str, Any]) -> Callable[[str], NoReturn]:
    """Return the ``__getattr__`` of a module for its namespace.

    Without ``__all__`` its own functions and classes are public.
    """
    module = namespace["__name__"]

    def __getattr__(name: str) -> NoReturn:
        own = [k for k, v in namespace.items() if getattr(v, "__module__", None) == module]
        public = [k for k in namespace.get("__all__", own) if not k.startswith("_")]
        no_attribute(module, name, public)

    return __getattr__
