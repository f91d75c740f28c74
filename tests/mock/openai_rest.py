# SPDX-License-Identifier: BSD-2-Clause
"""The rest of OpenAI's API for the mock server: completions, embeddings, images, audio, background, Realtime.

Each function takes the request and gives (answer, truth): the answer is JSON, bytes, or a list of events; the truth is
what a span of the call has to say, by the names of its attributes.
"""
import base64
import json
import re

INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
CACHED, REASONING = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.reasoning.output_tokens"
PIXEL = base64.b64encode(b"\x89PNG not really").decode()


def field(raw, name):
    """A field of a form."""
    m = re.search(rb'name="' + name.encode() + rb'"\r\n\r\n(.*?)\r\n', raw, re.S)
    return m.group(1).decode() if m else None


def completions(raw, n):
    body = json.loads(raw)
    usage = {"prompt_tokens": 4 + n, "completion_tokens": 2, "total_tokens": 6 + n}
    truth = {INPUT: 4 + n, OUTPUT: 2, "gen_ai.operation.name": "text_completion", "gen_ai.response.id": f"cmpl-{n}"}
    head = {"id": f"cmpl-{n}", "object": "text_completion", "created": 1, "model": body["model"]}
    choice = lambda text, finish: {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
    if not body.get("stream"):
        return {**head, "choices": [choice(" a time", "length")], "usage": usage}, truth
    chunks = [{**head, "choices": [choice(" a", None)]}, {**head, "choices": [choice(" time", "stop")]}]
    return [*chunks, {**head, "choices": [], "usage": usage}, "[DONE]"], truth


def embeddings(raw, n):
    body = json.loads(raw)
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector = base64.b64encode(bytes(16)).decode() if body.get("encoding_format") == "base64" else [0.0] * 4
    data = [{"object": "embedding", "index": i, "embedding": vector} for i in range(len(texts))]
    usage = {"prompt_tokens": 3 * len(texts), "total_tokens": 3 * len(texts)}
    truth = {INPUT: 3 * len(texts), OUTPUT: None, "gen_ai.operation.name": "embeddings"}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}, truth


def images(raw, n):
    form = raw.startswith(b"--")
    usage = {
        "input_tokens": 50 + n,
        "input_tokens_details": {"text_tokens": 50 + n - 40 * form, "image_tokens": 40 * form},
        "output_tokens": 1056,
        "total_tokens": 1106 + n,
    }
    truth = {
        INPUT: 50 + n,
        OUTPUT: 1056,
        "sonde.usage.image.input_tokens": 40 * form,
        "sonde.usage.image.output_tokens": 1056,
        "sonde.usage.images": 1,
        "gen_ai.output.type": "image",
    }
    if form or not json.loads(raw).get("stream"):
        return {"created": 1, "data": [{"b64_json": PIXEL}], "usage": usage}, truth
    kinds = {"type": "image_generation.partial_image", "partial_image_index": 0}, {"type": "image_generation.completed", "usage": usage}
    return [{**k, "b64_json": PIXEL, "created_at": 1, "size": "auto"} for k in kinds], truth


def transcriptions(raw, n):
    truth = {"gen_ai.output.type": "text", "gen_ai.operation.name": "generate_content"}
    if field(raw, "model") == "whisper-1":
        truth |= {"sonde.usage.audio_ms": 2500 + n, INPUT: None, OUTPUT: None}
        return {"text": "Hello.", "usage": {"type": "duration", "seconds": 2.5 + n / 1000}}, truth
    usage = {
        "type": "tokens",
        "input_tokens": 30 + n,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 26 + n},
        "output_tokens": 3,
        "total_tokens": 33 + n,
    }
    truth |= {INPUT: 30 + n, OUTPUT: 3, "sonde.usage.audio.input_tokens": 26 + n}
    if field(raw, "stream") != "true":
        return {"text": "Hello.", "usage": usage}, truth
    deltas = [{"type": "transcript.text.delta", "delta": d} for d in ("Good ", "day.")]
    return [*deltas, {"type": "transcript.text.done", "text": "Good day.", "usage": usage}], truth


def speech(raw, n):
    return b"ID3" + bytes(3000), {INPUT: None, OUTPUT: None, "gen_ai.output.type": "speech"}


PATHS = {
    "/v1/completions": completions,
    "/v1/embeddings": embeddings,
    "/v1/images/generations": images,
    "/v1/images/edits": images,
    "/v1/audio/transcriptions": transcriptions,
    "/v1/audio/speech": speech,
}


def model_of(raw):
    return field(raw, "model") if raw.startswith(b"--") else json.loads(raw).get("model")


# --- a response that is made in the background ---

polls = {}


def in_background(body, n):
    """The answer to the request; its usage is told to who asks for it, of which only the first counts."""
    answer = {"id": f"resp_bg_{n}", "object": "response", "status": "queued", "model": body["model"], "output": [], "usage": None}
    polls[answer["id"]] = 0
    return answer, {INPUT: None, OUTPUT: None, "gen_ai.response.id": answer["id"]}


def poll(path):
    """(answer, truth): a poll that tells nothing is no call; None where it is no poll."""
    answer_id = path.rsplit("/", 1)[1]
    if answer_id not in polls:
        return None
    polls[answer_id] += 1
    ready = polls[answer_id] > 2
    message = {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Done.", "annotations": []}],
    }
    usage = {
        "input_tokens": 40,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 46,
    }
    answer = {
        "id": answer_id,
        "object": "response",
        "created_at": 1,
        "status": "completed" if ready else "in_progress",
        "model": "gpt-5",
        "output": [message] if ready else [],
        "usage": usage if ready else None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    first = polls[answer_id] == 3
    truth = {INPUT: 40, OUTPUT: 6, CACHED: 8, REASONING: 4} if first else {INPUT: None, OUTPUT: None}
    return answer, {**truth, "gen_ai.operation.name": "fetch_response", "gen_ai.response.id": answer_id} if ready else None


# --- Realtime ---

SESSION = {
    "id": "sess_1",
    "object": "realtime.session",
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "Be kind.",
    "audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}},
}


def realtime(ws, write):
    """Serves one socket; write(truth) for each call."""
    send = lambda kind, **fields: ws.send(json.dumps({"type": kind, "event_id": "e", **fields}).encode())
    n = 0
    send("session.created", session=SESSION)
    while (raw := ws.receive()) is not None:
        event = json.loads(raw)
        if event["type"] == "conversation.item.create":
            send("conversation.item.added", item={"id": f"i{n}", "object": "realtime.item", **event["item"]})
        if event["type"] == "input_audio_buffer.commit":
            usage = {
                "type": "tokens",
                "total_tokens": 14,
                "input_tokens": 11,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 11},
                "output_tokens": 3,
            }
            send("conversation.item.input_audio_transcription.completed", item_id="i", content_index=0, transcript="Hi.", usage=usage)
            write("gpt-4o-mini-transcribe", {INPUT: 11, OUTPUT: 3, "sonde.usage.audio.input_tokens": 11})
        if event["type"] != "response.create":
            continue
        n += 1
        at = {"response_id": f"resp_rt_{n}", "output_index": 0, "content_index": 0, "item_id": "m"}
        send("response.created", response={"object": "realtime.response", "id": at["response_id"], "status": "in_progress", "output": []})
        send("response.output_item.added", response_id=at["response_id"], output_index=0, item={"id": "m", "type": "message", "role": "assistant", "content": []})
        send("response.output_audio.delta", **at, delta=base64.b64encode(bytes(9000)).decode())
        send("response.output_audio_transcript.delta", **at, delta="It is ")
        send("response.output_audio_transcript.delta", **at, delta="noon.")
        details = {
            "text_tokens": 60 + n,
            "audio_tokens": 40,
            "image_tokens": 0,
            "cached_tokens": 64,
            "cached_tokens_details": {"text_tokens": 48, "audio_tokens": 16, "image_tokens": 0},
        }
        usage = {
            "total_tokens": 130 + n,
            "input_tokens": 100 + n,
            "output_tokens": 30,
            "input_token_details": details,
            "output_token_details": {"text_tokens": 8, "audio_tokens": 22},
        }
        item = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_audio", "transcript": "It is noon."}]}
        write(
            SESSION["model"],
            {
                INPUT: 100 + n,
                OUTPUT: 30,
                CACHED: 64,
                "sonde.usage.audio.input_tokens": 40,
                "sonde.usage.audio.output_tokens": 22,
                "sonde.usage.cache_read_audio.input_tokens": 16,
                "gen_ai.response.id": at["response_id"],
            },
        )
        send("response.done", response={"object": "realtime.response", "id": at["response_id"], "status": "completed", "output": [item], "usage": usage})
