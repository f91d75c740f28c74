"""The google-genai SDK for Python, as an agent: genai_sdk.py chat|history json|stream"""
import os
import subprocess
import sys

from google import genai
from google.genai import types

MODEL = "gemini-mock"
PROMPT = os.environ.get("PROMPT", "Run the tool, then say what it printed.")
PARAMETERS = {"type": "OBJECT", "properties": {"command": {"type": "STRING"}}, "required": ["command"]}
BASH = types.FunctionDeclaration(name="bash", description="Runs it.", parameters=PARAMETERS)
CONFIG = types.GenerateContentConfig(
    system_instruction="You are an agent.",
    tools=[types.Tool(function_declarations=[BASH])],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


def run(command):
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout


def results(calls):
    return [types.Part.from_function_response(name=c.name, response={"result": run(c.args["command"])}) for c in calls]


def chat(client, stream):
    """The SDK keeps the history: of a stream every piece of its own."""
    session, message = client.chats.create(model=MODEL, config=CONFIG), PROMPT
    while True:
        answers = session.send_message_stream(message) if stream else [session.send_message(message)]
        calls, text = [], ""
        for answer in answers:
            parts = answer.candidates[0].content.parts or []
            calls += [p.function_call for p in parts if p.function_call]
            text += "".join(p.text for p in parts if p.text and not p.thought)
        if not calls:
            return text
        message = results(calls)


def history(client, stream):
    """The agent keeps the history: pieces joined, thoughts dropped."""
    contents = [types.Content(role="user", parts=[types.Part(text=PROMPT)])]
    while True:
        request = {"model": MODEL, "contents": contents, "config": CONFIG}
        answers = client.models.generate_content_stream(**request) if stream else [client.models.generate_content(**request)]
        parts = [p for answer in answers for p in answer.candidates[0].content.parts or []]
        text = "".join(p.text for p in parts if p.text and not p.thought)
        calls = [p for p in parts if p.function_call]
        if not calls:
            return text
        said = ([types.Part(text=text)] if text else []) + calls
        contents.append(types.Content(role="model", parts=said))
        contents.append(types.Content(role="user", parts=results([p.function_call for p in calls])))


how, mode = sys.argv[1:3]
client = genai.Client(api_key="AIza-dummy", http_options=types.HttpOptions(base_url=os.environ["GEMINI_BASE_URL"]))
print((history if how == "history" else chat)(client, mode == "stream"))
