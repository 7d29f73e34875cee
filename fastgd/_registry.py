"""The classes that a name, a class or a saved description stands for."""

from fastgd._names import lookup, snake_case
from fastgd.errors import ArgumentError, DataTypeError


class Registry:
    """The classes of a module, by their names, and the way there and back.

    Parameters
    ----------
    argument : str
        What errors call the thing, such as ``"regularizer"``.
    classes : iterable of type
        Each is found by its name and by its name in snake case.
    aliases : dict, optional
        More names -> what makes the object.

    Attributes
    ----------
    classes : dict of str -> type
        By the classes' own names.
    """

    def __init__(self, argument, classes, aliases=None):
        self.argument = argument
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

    def serialize(self, thing):
        """Plain data: {"class_name": ..., "config": ...}, or the name of a function.

        Raises
        ------
        DataTypeError
            If the object does not say by what arguments it is made again (``get_config``).
        """
        if thing is None:
            return None
        if hasattr(thing, "get_config"):
            return {"class_name": type(thing).__name__, "config": thing.get_config()}
        if hasattr(thing, "__name__"):
            return thing.__name__
        raise DataTypeError(f"{self.argument}: {thing!r} has no get_config")

    def deserialize(self, config, custom_objects=None):
        """The object that `serialize` described.

        Parameters
        ----------
        config : dict or str or None
        custom_objects : dict of str -> class or function, optional
            A user's own, by their names.

        Raises
        ------
        UnknownNameError, ArgumentError
            For a name or a description that stands for nothing here.
        """
        custom = custom_objects or {}
        if config is None:
            return None
        if isinstance(config, str):
            return custom[config] if config in custom else self.get(config)
        if not isinstance(config, dict) or not isinstance(config.get("config", {}), dict):
            raise ArgumentError(
                f"{self.argument}: expected a dict of class_name and config, got {config!r}"
            )
        makers = self.makers | custom
        maker = lookup(self.argument, config.get("class_name"), makers)
        arguments = config.get("config", {})
        try:
            return getattr(maker, "from_config", lambda given: maker(**given))(arguments)
        except TypeError as error:
            if isinstance(error, DataTypeError):
                raise
            raise ArgumentError(f"{self.argument}: {error}") from None


class Described:
    """What `Registry` makes: an object that knows the arguments that make it again."""

    def get_config(self):
        """The arguments that make this object again, as plain data."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config):
        """An object made with the arguments that ``get_config`` gave."""
        return cls(**config)

    def __repr__(self):
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
