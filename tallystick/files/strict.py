"""YAML files read strictly: what is not understood is refused, in one line that says where.

YAML 1.1 turns `17:00` into 1020, `no` into false, `0x1f` into 31 and `2027-01-01` into a date,
lets the last of two equal keys win, and lets a kilobyte of aliases grow to gigabytes. Here a plain
scalar is a whole number, a fraction, true, false, nothing, or text; keys are unique; size, depth
and aliases are bounded.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    NoReturn,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from tallystick.errors import InputError, refuse
from tallystick.registry.identifiers import IdentifierError

__all__ = [
    "Label",
    "Name",
    "Note",
    "StrictModel",
    "Wrong",
    "checked",
    "collected",
    "identifier",
    "joined",
    "json_schema",
    "load",
    "parse",
    "read",
    "text",
    "wrong",
]

MAX_BYTES: Final = 1 << 20
MAX_NODES: Final = 50_000
MAX_DEPTH: Final = 32
# A number is at most 2**256: 78 digits. Longer ones would only cost time.
MAX_DIGITS: Final = 80
_CUSTOM: Final = "tallystick"
Model = TypeVar("Model", bound="StrictModel")
T = TypeVar("T")


class StrictModel(BaseModel):
    """Base of everything read from a file: frozen, no unknown fields, no coercion."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, allow_inf_nan=False
    )


def wrong(expected: str, *, path: str = "", value: object = None) -> PydanticCustomError:
    """Return an error for validators to raise; `path`, `value` where pydantic can't know them."""
    return PydanticCustomError(
        _CUSTOM, "{expected}", {"expected": expected, "path": path, "value": value}
    )


Wrong = Iterator[PydanticCustomError]


def checked(check: Callable[[Any], Wrong]) -> Any:
    """Make a model's validator of what yields everything that is wrong with it."""

    @functools.wraps(check)
    def validate(model: Any) -> Any:
        found = list(check(model))
        if found:
            first, *others = found
            context = {**(first.context or {}), "others": [each.context for each in others]}
            raise PydanticCustomError(_CUSTOM, "{expected}", context)
        return model

    return model_validator(mode="after")(validate)


def text(value: object) -> str:
    """Return `value` if it is text."""
    if not isinstance(value, str):
        raise wrong("text (put it in quotes if it looks like a number)")
    return value


def identifier(check: Any) -> BeforeValidator:
    """Return a validator that applies a `check_…` function of `tallystick.identifiers`."""

    def validate(value: object) -> str:
        try:
            return cast("str", check(text(value)))
        except IdentifierError as error:
            raise wrong(error.expected) from None

    return BeforeValidator(validate)


def _name(value: object) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", text(value)) or len(text(value)) > 32:
        raise wrong("a name: small letters, digits, - and _ inside, at most 32")
    return text(value)


def _label(value: object) -> str:
    stripped = text(value).strip()
    if stripped != value or not stripped or len(stripped) > 100 or not stripped.isprintable():
        raise wrong("text of 1 to 100 printable characters, no space at either end")
    return stripped


Name = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema(
        {
            "$comment": "a name: small letters, digits, - and _",
            "type": "string",
            "pattern": "^[a-z][a-z0-9]*([-_][a-z0-9]+)*$",
            "maxLength": 32,
        }
    ),
]
Label = Annotated[
    str,
    BeforeValidator(_label),
    WithJsonSchema(
        {
            "$comment": "text of 1 to 100 characters",
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
        }
    ),
]
Note = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


def load(path: str | Path, model: type[Model], schema: str) -> Model:
    """Read the YAML file at `path` into `model`, or raise InputError.

    `schema` is what the file's own `schema` field must say; it is looked at before anything else,
    so that a file of another kind is called that, not a long list of unknown fields.
    """
    return parse(path, read(path), model, schema)


def parse(path: str | Path, data: object, model: type[Model], schema: str, at: str = "") -> Model:
    """Validate `data`, found in file `path` under field `at`, as `model`."""
    if not isinstance(data, dict):
        raise InputError(path, at, data, f"a mapping that says schema: {schema}")
    if data.get("schema") != schema:
        value = data.get("schema")
        raise InputError(path, joined(at, "schema"), value, schema)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        refuse(_errors(path, model, error, at))
        raise


def collected(found: list[InputError], load: Callable[[], T]) -> T | None:
    """Return what is loaded, or None and what is wrong in `found`, to be refused with the rest."""
    try:
        return load()
    except InputError as error:
        found.append(error)
        return None


def read(path: str | Path) -> object:
    """Return what the YAML file at `path` holds, or raise InputError."""
    file = Path(path)
    try:
        if not file.is_file():
            expected = "a file" if file.exists() else "a file that exists"
            raise InputError(path, "", None, expected)
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "bad name"
        raise InputError(path, "", None, f"a file that can be read ({reason})") from None
    if len(raw) > MAX_BYTES:
        raise InputError(path, "", f"more than {MAX_BYTES} bytes", f"at most {MAX_BYTES} bytes")
    try:
        source = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            path, f"byte {error.start}", f"0x{raw[error.start]:02x}", "text in UTF-8"
        ) from None
    if not source.strip():
        raise InputError(path, "", "an empty file", "a YAML mapping")
    return _construct(path, source)


def joined(*parts: str | int) -> str:
    """Return a field path, such as `holders[2].amount`."""
    out = ""
    for part in parts:
        if isinstance(part, int):
            out += f"[{part}]"
        elif part:
            out += f".{part}" if out else part
    return out


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of this module and none of YAML 1.1's surprises."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"~|null|"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), ["t", "f"])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z"),
    list("-+0123456789."),
)
# fullmatch semantics for the two that have no \Z of their own
_Loader.yaml_implicit_resolvers = {
    first: [(tag, re.compile(rf"(?:{pattern.pattern})\Z")) for tag, pattern in pairs]
    for first, pairs in _Loader.yaml_implicit_resolvers.items()
}
_PLAIN_TAGS: Final = {
    f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")
}


def _construct(path: str | Path, source: str) -> object:
    """Parse, bound and build; every failure names line and column."""
    loader: Any = None
    try:
        loader = _Loader(source)
        node = loader.get_single_node()
        if node is None:
            raise InputError(path, "", "an empty file", "a YAML mapping")
        _Bounds(path).check(node, "", 1)
        return loader.construct_document(node)
    except yaml.reader.ReaderError as error:
        raise InputError(
            path,
            f"character {error.position}",
            f"U+{_code(error):04X}",
            "text without control characters",
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = (error.problem or "not understood").replace("\n", " ")
        raise InputError(path, where, problem, "YAML") from None
    except RecursionError:
        raise InputError(path, "", "nested too deeply", f"at most {MAX_DEPTH} levels") from None
    finally:
        if loader is not None:
            loader.dispose()


def _code(error: yaml.reader.ReaderError) -> int:
    """The offending character; the library gives it as text or number."""
    character: Any = error.character
    return character if isinstance(character, int) else ord(character)


class _Bounds:
    """Walks the node graph before anything is built: aliases are counted as if written out."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._count = 0

    def check(self, node: yaml.Node, at: str, depth: int) -> None:
        """Refuse what is too much, an unknown tag, or a key that comes twice."""
        self._count += 1
        if self._count > MAX_NODES:
            self._refuse(node, at, f"more than {MAX_NODES} values", f"at most {MAX_NODES} values")
        if depth > MAX_DEPTH:
            self._refuse(node, at, "nested too deeply", f"at most {MAX_DEPTH} levels, no cycles")
        if node.tag not in _PLAIN_TAGS:
            self._refuse(node, at, node.tag.replace("tag:yaml.org,2002:", "!!"), "no tags")
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.check(item, joined(at, index), depth + 1)
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode) or key.tag not in (
                    "tag:yaml.org,2002:str",
                    "tag:yaml.org,2002:int",
                ):
                    self._refuse(key, at, "a key that is not text", "text as a key")
                if key.value in seen:
                    self._refuse(key, joined(at, key.value), "twice", "each key once")
                seen.add(key.value)
                self.check(value, joined(at, key.value), depth + 1)
        elif len(node.value) > MAX_DIGITS and node.tag.endswith((":int", ":float")):
            self._refuse(node, at, "a number", f"at most {MAX_DIGITS} digits")

    def _refuse(self, node: yaml.Node, at: str, value: str, expected: str) -> NoReturn:
        where = f"line {node.start_mark.line + 1}"
        raise InputError(self._path, f"{at} ({where})" if at else where, value, expected)


# What pydantic's own error types mean to somebody who wrote a YAML file.
_EXPECTED: Final[dict[str, str]] = {
    "missing": "this field",
    "string_type": "text (put it in quotes if it looks like a number)",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def _errors(
    path: str | Path, model: type[StrictModel], error: ValidationError, at: str
) -> Iterator[InputError]:
    """Turn pydantic's errors into ours; unknown fields go first, as they explain missing ones."""
    details = error.errors(include_url=False)
    for detail in sorted(details, key=lambda each: each["type"] != "extra_forbidden"):
        context: dict[str, Any] = detail.get("ctx", {})
        if detail["type"] == "too_short" and len(detail["input"]) >= context["min_length"]:
            # Members that are wrong themselves were not counted.
            continue
        # Of a mapping's key that is wrong, the key itself says where.
        field = joined(at, *(part for part in detail["loc"] if part != "[key]"))
        if detail["type"] == _CUSTOM:
            for each in (context, *context.get("others", ())):
                inside = bool(each["path"])
                value = each["value"] if inside else detail.get("input")
                where = joined(field, each["path"]) if inside else field
                yield InputError(path, where, value, str(each["expected"]))
        elif detail["type"] == "missing":
            yield InputError(path, field, "missing", _expectation(detail, context))
        else:
            expected = _expectation(detail, context)
            if detail["type"] == "extra_forbidden":
                expected += _nearest(model, detail["loc"])
            yield InputError(path, field, detail.get("input"), expected)


def _nearest(model: type[StrictModel], place: Sequence[str | int]) -> str:
    """The known field beside an unknown one whose name is nearest to its own."""
    here: Any = model
    for part in place[:-1]:
        here = _inside(here, part)
    fields = _unwrapped(here).model_fields.items()
    known = [field.alias or name for name, field in fields]
    near = difflib.get_close_matches(str(place[-1]), known, 1)
    return f" (did you mean {near[0]}?)" if near else ""


def _inside(annotation: Any, part: str | int) -> Any:
    """The type of a model's field, a mapping's value, a list's member."""
    found = _unwrapped(annotation)
    if isinstance(found, type) and issubclass(found, BaseModel):
        fields = found.model_fields
        return next(f.annotation for name, f in fields.items() if part in (name, f.alias))
    return get_args(found)[1 if get_origin(found) is dict else 0]


def _unwrapped(annotation: Any) -> Any:
    """A type without what it is annotated with, and without that it may be left out."""
    if get_origin(annotation) is Annotated:
        return _unwrapped(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _unwrapped(next(each for each in get_args(annotation) if each is not type(None)))
    return annotation


def _expectation(detail: ErrorDetails, context: dict[str, Any]) -> str:
    """Say what was expected, for an error of pydantic's own."""
    kind = detail["type"]
    bounds = {
        "greater_than_equal": ("ge", "a number of at least {}"),
        "greater_than": ("gt", "a number greater than {}"),
        "less_than_equal": ("le", "a number of at most {}"),
        "less_than": ("lt", "a number less than {}"),
        "multiple_of": ("multiple_of", "a multiple of {}"),
        "too_short": ("min_length", "a list of at least {}"),
        "too_long": ("max_length", "a list of at most {}"),
        "string_too_short": ("min_length", "text of at least {} characters"),
        "string_too_long": ("max_length", "text of at most {} characters"),
        "literal_error": ("expected", "{}"),
    }
    if kind == "extra_forbidden":
        return "no such field"
    if kind in bounds:
        key, phrase = bounds[kind]
        return phrase.format(str(context[key]).replace("'", ""))
    return _EXPECTED.get(kind, detail["msg"])


def json_schema(model: type[StrictModel], schema: str, title: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `model`, for editors and documents (R-07)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema,
        **model.model_json_schema(by_alias=True, mode="validation"),
        "title": title,
    }
