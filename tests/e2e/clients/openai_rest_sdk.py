"""The openai SDK for Python beside chats: completions, embeddings, images, audio, a response in the background."""
import io

import openai

client = openai.OpenAI(max_retries=0)
sound = ("speech.wav", b"RIFF" + bytes(40000) + b"\r\n--not a boundary\r\n", "audio/wav")

client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once upon", max_tokens=2)
print("".join(c.choices[0].text for c in client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once", stream=True) if c.choices))
print(len(client.embeddings.create(model="text-embedding-3-small", input=["one", "two"]).data[0].embedding))
client.images.generate(model="gpt-image-1", prompt="A fox")
for event in client.images.generate(model="gpt-image-1", prompt="A fox", stream=True, partial_images=1):
    print(event.type)
picture = io.BytesIO(b"\x89PNG not really")
picture.name = "a.png"
client.images.edit(model="gpt-image-1", image=picture, prompt="Add a hat")
print(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound).text)
print([e.type for e in client.audio.transcriptions.create(model="gpt-4o-mini-transcribe", file=sound, stream=True)])
client.audio.transcriptions.create(model="whisper-1", file=sound)
print(len(client.audio.speech.create(model="tts-1", voice="alloy", input="Hello there").read()))
answer = client.responses.create(model="gpt-5", input="Take your time.", background=True)
for _ in range(4):
    answer = client.responses.retrieve(answer.id)
print(answer.output_text)
