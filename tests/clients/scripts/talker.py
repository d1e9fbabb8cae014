"""A model that does as it is told, in JSON: for tests of what an endpoint makes of it."""

import json
import os
import time


def model_fn(model_dir):
    return {}  # what was said in each session


def transform_fn(sessions, data, content_type, accept, context):
    session = context.get_request_header("X-Amzn-SageMaker-Session-Id")
    told = json.loads(data)
    if session:
        return _talk(sessions, session, told, context), "application/json"
    if "sleep" in told:
        time.sleep(told["sleep"])
    if "die" in told:
        os._exit(3)
    if "echo" in told:
        return json.dumps({"echo": told["echo"], "pid": os.getpid()}), "application/json"
    if "bytes" in told:
        return bytes(told["bytes"]), "application/octet-stream"
    return _words(told), "text/plain"


def _words(told):
    for number in range(told["words"]):
        yield f"word{number}" + told.get("after", " ")
        time.sleep(told.get("pause", 0))
    if "raise" in told:
        raise ValueError(told["raise"])


def _talk(sessions, session, told, context):
    if session == "NEW_SESSION":
        session = told["begin"]
        sessions[session] = []
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + told.get("seconds", 600)))
        context.set_response_header("X-Amzn-SageMaker-New-Session-Id", f"{session}; Expires={expires}")
    elif "end" in told:
        context.set_response_header("X-Amzn-SageMaker-Closed-Session-Id", session)
        return json.dumps(sessions.pop(session))
    else:
        sessions[session].append(told["say"])
    return json.dumps({"said": sessions[session], "pid": os.getpid()})
