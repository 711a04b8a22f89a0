"""What a constructor accepts, read from its signature: defaults that fit into YAML, and values that fit an annotation."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union

EMPTY = inspect.Parameter.empty
MISSING = "???"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword of a constructor.

    Attributes:
        name: Keyword.
        annotation: Its type, or ``EMPTY``.
        default: Its default, or ``EMPTY`` where it must be given.
    """

    name: str
    annotation: Any = EMPTY
    default: Any = EMPTY

    @property
    def required(self) -> bool:
        """True where a value must be given."""
        return self.default is EMPTY


@dataclass(frozen=True, slots=True)
class Signature:
    """Keywords of a constructor or factory.

    Attributes:
        parameters: Name to parameter, in order.
        open: True where it takes any keyword (``**kwargs``).
    """

    parameters: Mapping[str, Parameter]
    open: bool

    @classmethod
    def of(cls, target: Callable[..., Any]) -> Signature:
        """Read the signature of a class or function; one that cannot be read accepts anything."""
        try:
            signature = inspect.signature(target)
        except (TypeError, ValueError):
            return cls({}, True)
        hints = _hints(target)
        parameters = {
            name: Parameter(name, hints.get(name, parameter.annotation), parameter.default)
            for name, parameter in signature.parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values())
        return cls(parameters, is_open)

    def node(self) -> dict[str, Any]:
        """Return the defaults that YAML can hold; ``???`` for what must be given, objects are left to the constructor."""
        values: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            if parameter.required:
                values[name] = MISSING
            elif is_plain(parameter.default):
                values[name] = plain(parameter.default)
        return values


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    """Resolve annotations written as text; what cannot be resolved (names for type checkers alone) is left out."""
    function = target.__init__ if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(function)
    except Exception:  # a name that exists for type checkers only
        return _hints_one_by_one(function)


def _hints_one_by_one(function: Any) -> dict[str, Any]:
    """Resolve each annotation alone."""
    found: dict[str, Any] = {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        try:
            probe = types.SimpleNamespace(__annotations__={name: annotation}, __globals__=getattr(function, "__globals__", {}))
            found |= typing.get_type_hints(probe, getattr(function, "__globals__", {}))
        except Exception:
            found[name] = EMPTY
    return found


def is_plain(value: Any) -> bool:
    """Return whether YAML can hold ``value``."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(is_plain(item) for item in value)
    return value is None or type(value) in (bool, int, float, str)


def plain(value: Any) -> Any:
    """Return ``value`` with tuples as lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def matches(value: Any, annotation: Any) -> bool:
    """Return whether a plain configuration value fits an annotation; a mapping with ``_target_`` stands for any object."""
    if annotation in (EMPTY, Any, object) or isinstance(annotation, str | typing.TypeVar):
        return True
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Annotated, typing.Final, typing.ClassVar):
        return matches(value, arguments[0])
    if origin in (Union, types.UnionType):
        return any(matches(value, option) for option in arguments)
    if origin is Literal:
        return any(value == option and type(value) is type(option) for option in arguments)
    if value is None:
        return annotation in (None, type(None))
    if isinstance(value, Mapping):
        return "_target_" in value or _takes_mapping(origin or annotation)
    if isinstance(value, list | tuple):
        return _sequence_matches(value, origin or annotation, arguments)
    return _scalar_matches(value, origin or annotation)


def _scalar_matches(value: Any, annotation: Any) -> bool:
    """A bool is no number, an int is a float, text may be a path; a scalar never stands for an object."""
    if isinstance(value, bool):
        return annotation is bool
    if isinstance(value, int):
        return annotation in (int, float, complex)
    if isinstance(value, float):
        return annotation in (float, complex)
    if isinstance(value, str):
        return annotation is str or (inspect.isclass(annotation) and issubclass(annotation, Path)) or _is_path_like(annotation)
    return inspect.isclass(annotation) and isinstance(value, annotation)


def _is_path_like(annotation: Any) -> bool:
    """``os.PathLike`` takes text as well."""
    return getattr(annotation, "__name__", "") == "PathLike"


def _takes_mapping(annotation: Any) -> bool:
    """Plain mappings fit mappings, and classes that a mapping may describe."""
    return not inspect.isclass(annotation) or (
        annotation not in (bool, int, float, str) and not issubclass(annotation, Path | list | tuple)
    )


def _sequence_matches(value: Sequence[Any], annotation: Any, arguments: tuple[Any, ...]) -> bool:
    """Lists fit sequences, tuples, sets and arrays; items are checked where the annotation says."""
    if inspect.isclass(annotation) and (not issubclass(annotation, Iterable) or issubclass(annotation, str | Mapping)):
        return False
    if annotation is tuple and arguments and arguments[-1] is not Ellipsis:
        return len(value) == len(arguments) and all(matches(item, kind) for item, kind in zip(value, arguments, strict=True))
    return all(matches(item, arguments[0]) for item in value) if arguments else True


def fits(component: Any, annotation: Any) -> bool:
    """Return whether what a class builds fits an annotation: a subclass, or every method of a protocol. Functions are left to the constructor."""
    if not inspect.isclass(component) or annotation in (EMPTY, Any, object) or isinstance(annotation, str | typing.TypeVar):
        return True
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(fits(component, option) for option in arguments)
    if origin is not None or not inspect.isclass(annotation):
        return True
    if getattr(annotation, "_is_protocol", False):
        return all(hasattr(component, name) for name in _methods(annotation))
    return issubclass(component, annotation)


def lacking(component: Any, annotation: Any) -> list[str]:
    """Return the methods that a class would need to fit an annotation: of the protocol that it is closest to; empty where that is no protocol."""
    options = typing.get_args(annotation) if typing.get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    protocols = [option for option in options if getattr(option, "_is_protocol", False)]
    missing = [[name for name in _methods(protocol) if not hasattr(component, name)] for protocol in protocols]
    return min(missing, key=len, default=[])


def _methods(protocol: type) -> list[str]:
    """Return the methods that a protocol asks for; attributes may be set in ``__init__`` and cannot be seen on a class."""
    bases = [base for base in protocol.__mro__ if getattr(base, "_is_protocol", False)]
    return [name for base in bases for name, value in vars(base).items() if inspect.isfunction(value) and not name.startswith("_")]


def type_name(annotation: Any) -> str:
    """Return an annotation as people write it: ``float``, ``int | None``, ``'a' or 'b'``."""
    if annotation is EMPTY:
        return "anything"
    if typing.get_origin(annotation) is Literal:
        return " or ".join(repr(option) for option in typing.get_args(annotation))
    if annotation is type(None):
        return "null"
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(type_name(option) for option in typing.get_args(annotation))
    if inspect.isclass(annotation) and typing.get_origin(annotation) is None:
        return str(annotation.__name__)
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", str(annotation))
