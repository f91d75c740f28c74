/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of llm/: messages of OpenAI Chat Completions, whole and in deltas. */
#pragma once

#include "llm/format.h"

/* The system message of a request, an answer, a tool's result ...: one of "messages". */
void llm_read_chat_item(struct slice value, struct arena *mem, struct llm_message *m);
/* What choices[].message says: adds to @m, which is an answer. */
void llm_read_chat_answer(struct slice message, struct arena *mem, struct llm_message *m);
/* What choices[].delta adds to an answer. */
void llm_read_chat_delta(struct llm_work *w, struct llm_message *m, struct slice delta);

/* --- for completions as well --- */

/* What an answer in one piece and a chunk have in common; returns choices. */
struct slice llm_read_chat_top(struct llm_work *w, struct slice object);
/* The message of a choice. */
struct llm_message *llm_chat_message_of(struct llm_work *w, struct slice index);
void llm_chat_finish(struct llm_work *w, struct llm_message *m, struct slice value);
/* openai_usage.c: a usage object of any server; nothing where it is none. */
void llm_read_chat_usage(struct llm_work *w, struct slice usage);
/* llama.cpp's timings, where there was no usage. */
void llm_read_timings(struct llm_work *w, struct slice timings);

/* --- between the two files that do this --- */

enum chat_member {
	CHAT_ROLE,
	CHAT_CONTENT,
	CHAT_CALLS,
	CHAT_FUNCTION,
	CHAT_CALL_ID,
	CHAT_NAME,
	CHAT_THINKING,
	CHAT_THINKING2,
	CHAT_DETAILS,
	CHAT_REFUSAL,
	CHAT_AUDIO,
	CHAT_IMAGES,
	CHAT_MEMBERS
};

/* Pictures that were made ([{"image_url":{"url":"..."}}]): nothing of @list is kept but in @mem. */
void llm_read_chat_images(struct slice list, struct arena *mem, struct llm_message *m);
/* Their names. */
extern const char *const llm_chat_members[CHAT_MEMBERS];
