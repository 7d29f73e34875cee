"""The classes that a name, a class or a saved description stands for."""

from fastgd._registry.names import lookup, snake_case
from fastgd._registry.objects import Serializable, deserialize_object
from fastgd.errors import DataTypeError


class Registry:
    """The classes of a module, by their names.

    Parameters
    ----------
    argument : str
        What errors call the thing, such as ``"regularizer"``.
    module : str
        Where its classes are.
    classes : iterable of type
        Each is found by its name and by its name in snake case.
    aliases : dict, optional
        More names -> what makes the object.

    Attributes
    ----------
    classes : dict of str -> type
        By the classes' own names.
    """

    def __init__(self, argument, module, classes, aliases=None):
        self.argument = argument
        self.module = module
        self.classes = {c.__name__: c for c in classes}
        snake = {snake_case(name): c for name, c in self.classes.items()}
        self.makers = self.classes | snake | (aliases or {})

    def get(self, identifier):
        """The object for a name, a description, a class or any callable; None for None.

        Raises
        ------
        UnknownNameError
            Listing the names there are.
        DataTypeError
            If it is nothing of the kind.
        """
        if identifier is None:
            return None
        if isinstance(identifier, str):
            return lookup(self.argument, identifier, self.makers)()
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if isinstance(identifier, type):
            identifier = identifier()
        if callable(identifier):
            return identifier
        raise DataTypeError(
            f"{self.argument}: expected a name or an object, got {identifier!r}"
        )

    def deserialize(self, config, custom_objects=None):
        """The object that ``serialize`` described, or a name stands for.

        Parameters
        ----------
        config : dict or str or None
            ``{"class_name": ..., "config": ...}``; the module is this one if it is not named.
        custom_objects : dict of str -> class or function, optional
            A user's own, by their names.

        Raises
        ------
        UnknownNameError, ArgumentError
            For a name or a description that stands for nothing here.
        """
        if not isinstance(config, dict):
            return self.get(config)
        if isinstance(config.get("class_name"), str) and "module" not in config:
            name = config["class_name"]
            if name in self.makers:
                name = self.makers[name].__name__
            config = {"config": {}, "module": self.module} | config | {"class_name": name}
        return deserialize_object(config, custom_objects)


class Described(Serializable):
    """What `Registry` makes: an object that knows the arguments that make it again."""

    def get_config(self):
        """The arguments that make this object again."""
        return dict(vars(self))

    def __repr__(self):
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
