"""A user's functions as a handler, over defaults that need no library."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

import pytest

from sagewright_container.serving import user_module
from sagewright_container.serving.base import Request
from sagewright_container.serving.errors import NoContent, UnsupportedContent, UserCodeError
from sagewright_container.serving.user_module import Defaults, UserHandler

DEFAULTS = Defaults(
    decode=lambda body, media: json.loads(body),
    predict=lambda data, model: model * data,
    encode=lambda prediction, media: json.dumps(prediction).encode(),
    encoders={"application/json": None},
)
MODEL_FN = "def model_fn(model_dir): return 2\n"


def handler(folder: Any, script: str, accept: str = "application/json") -> UserHandler:
    path = folder.write("model/code/my_inference.py", textwrap.dedent(script))
    return UserHandler(user_module.load(str(path)), DEFAULTS, folder.contract, accept)


def request(body: bytes = b"21", content_type: str = "", accept: str = "") -> Request:
    return Request(body, content_type, accept, {})


def test_defaults_stand_in_for_what_the_script_does_not_say(folder: Any) -> None:
    response = handler(folder, MODEL_FN).handle(request())
    assert (response.body, response.content_type) == (b"42", "application/json")


def test_all_three_functions(folder: Any) -> None:
    script = MODEL_FN + textwrap.dedent("""
        def input_fn(data, content_type): return type(data).__name__, content_type
        def predict_fn(data, model): return [*data, model]
        def output_fn(prediction, accept): return repr([*prediction, accept])
    """)
    response = handler(folder, script).handle(request(content_type="text/csv; charset=utf-8", accept="x/y"))
    assert response.body == b"['str', 'text/csv; charset=utf-8', 2, 'x/y']"
    assert response.content_type == "x/y"


def test_transform_fn(folder: Any) -> None:
    script = MODEL_FN + "def transform_fn(model, data, kind, accept): return data * model, 'my/type'"
    response = handler(folder, script).handle(request(content_type="x/binary"))
    assert (response.body, response.content_type) == (b"2121", "my/type")


def test_transform_fn_excludes_the_others(folder: Any) -> None:
    script = MODEL_FN + "def transform_fn(*a): pass\ndef predict_fn(*a): pass"
    with pytest.raises(ValueError, match="Cannot use transform_fn implementation with predict_fn"):
        handler(folder, script)


def test_model_fn_is_required(folder: Any) -> None:
    with pytest.raises(NotImplementedError, match="Please provide a model_fn implementation"):
        handler(folder, "")


@pytest.mark.parametrize("signature", ["data, model, context", "data, model, ctx", "data, model, context=None"])
def test_a_function_may_take_a_context(folder: Any, signature: str) -> None:
    name = signature.split(", ")[2].partition("=")[0]
    script = MODEL_FN + f"def predict_fn({signature}):\n    {name}.set_response_status(202)\n    return 1"
    assert handler(folder, script).handle(request()).status == 202


def test_the_context_has_headers_in_and_out(folder: Any) -> None:
    script = """
        def model_fn(model_dir, context):
            return context.system_properties["model_dir"] == model_dir
        def predict_fn(data, model, context):
            context.set_response_header("X-Mine", context.get_request_header(0, "X-Theirs"))
            context.set_response_content_type(0, "my/type")
            return model, context.get_request_content_type()
        def output_fn(prediction, accept):
            return repr(prediction)
    """
    response = handler(folder, script).handle(Request(b"21", "", "", {"x-theirs": "t", "content-type": "c"}))
    assert response.body == b"(True, 'c')"
    assert response.content_type == "my/type"
    assert response.headers == (("x-mine", "t"),)


def test_an_optional_third_argument_is_not_a_context(folder: Any) -> None:
    script = MODEL_FN + "def predict_fn(data, model, scale=10): return scale"
    assert handler(folder, script).handle(request()).body == b"10"


def test_a_flask_like_response_is_unpacked(folder: Any) -> None:
    script = MODEL_FN + textwrap.dedent("""
        class Response:
            mimetype, status_code = "text/html", 201
            def get_data(self): return b"<p>"
        def output_fn(prediction, accept): return Response()
    """)
    response = handler(folder, script).handle(request())
    assert (response.body, response.content_type, response.status) == (b"<p>", "text/html", 201)


def test_an_answer_that_cannot_be_sent(folder: Any) -> None:
    script = MODEL_FN + "def output_fn(prediction, accept): return {}"
    with pytest.raises(UserCodeError, match="output_fn answered dict: it must return text, bytes"):
        handler(folder, script).handle(request())


def test_nothing_sent_is_nothing_to_decode(folder: Any) -> None:
    with pytest.raises(NoContent):
        handler(folder, MODEL_FN).handle(request(b""))
    script = MODEL_FN + "def input_fn(data, content_type): return 4"
    assert handler(folder, script).handle(request(b"")).body == b"8"


@pytest.mark.parametrize(("header", "accept"), [("", "my/default"), ("*/*", "my/default"), ("a/b", "a/b")])
def test_the_default_accept(folder: Any, header: str, accept: str) -> None:
    script = MODEL_FN + "def output_fn(prediction, accept): return accept"
    assert handler(folder, script, "my/default").handle(request(accept=header)).body == accept.encode()


def test_execution_parameters_are_the_scripts(folder: Any) -> None:
    assert handler(folder, MODEL_FN).execution_parameters() is None
    script = MODEL_FN + "def execution_parameters_fn(): return {'MaxPayloadInMB': 1}"
    assert handler(folder, script).execution_parameters() == {"MaxPayloadInMB": 1}


@pytest.mark.parametrize(
    ("there", "environ", "found"),
    [
        ("model/code/inference.py", {}, True),
        ("model/code/serve.py", {"SAGEMAKER_PROGRAM": "serve.py"}, True),
        ("model/code/serve.py", {"SAGEMAKER_PROGRAM": "serve"}, True),
        ("code/serve.py", {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/x.tar.gz"}, True),
        ("model/code/deep/serve.py", {"SAGEMAKER_PROGRAM": "deep/serve.py"}, True),
        ("model/code/other.py", {}, False),
    ],
)
def test_where_the_script_is_looked_for(folder: Any, there: str, environ: Mapping[str, str], found: bool) -> None:
    path = folder.write(there, "")
    assert user_module.find(folder.contract, environ) == (str(path) if found else None)


def test_a_submit_directory_comes_first(folder: Any) -> None:
    folder.write("model/code/inference.py", "")
    mine = folder.write("mine/inference.py", "")
    environ = {"SAGEMAKER_SUBMIT_DIRECTORY": f"file://{mine.parent}"}
    assert user_module.find(folder.contract, environ) == str(mine)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("def predict_fn(data, model): pass", "predict_fn answered None: it must return an array"),
        ("def predict_fn(data, model): return {1j}", "predict_fn answered set, which cannot be written as"),
        ("def output_fn(prediction, accept): pass", "output_fn answered NoneType: it must return text, bytes"),
        ("def transform_fn(model, data, kind, accept): return [1]", "transform_fn answered list: it must return text"),
        ("def output_fn(prediction, accept): return 7, 'x/y'", "output_fn answered int: it must return text"),
    ],
)
def test_an_answer_that_cannot_be_sent_names_its_function(folder: Any, script: str, said: str) -> None:
    with pytest.raises(UserCodeError, match=said):
        handler(folder, MODEL_FN + script).handle(request())


@pytest.mark.parametrize(
    "script",
    [
        "def predict_fn(data, model): return (f'{data}' for _ in range(2))",
        "def output_fn(prediction, accept): return iter(['21', b'21'])",
        "def transform_fn(model, data, kind, accept): return iter([data, data]), accept",
        "async def predict_fn(data, model):\n    yield '21'\n    yield b'21'",
    ],
)
def test_what_is_made_piece_by_piece_is_handed_on_so(folder: Any, script: str) -> None:
    response = handler(folder, MODEL_FN + script).handle(request())
    assert (response.body, response.content_type) == (b"", "application/json")
    assert hasattr(response.stream, "__next__") or hasattr(response.stream, "__anext__")


def test_what_is_no_text_is_no_json(folder: Any) -> None:
    with pytest.raises(UnsupportedContent, match="not text in UTF-8"):
        handler(folder, MODEL_FN + "def input_fn(data, content_type): return data").handle(request(b"\xff"))
