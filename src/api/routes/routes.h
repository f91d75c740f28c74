/* SPDX-License-Identifier: BSD-2-Clause */
/* The handlers of data routes (routes.c), and what several of them write: inside this folder only.
 */
#pragma once

#include "api/request.h"
#include "base/json.h"
#include "store/query.h"

enum MHD_Result handle_agents(struct request *rq);
enum MHD_Result handle_artifacts(struct request *rq);
enum MHD_Result handle_blob(struct request *rq);
enum MHD_Result handle_compare(struct request *rq);
enum MHD_Result handle_conversation(struct request *rq);
enum MHD_Result handle_cost(struct request *rq);
enum MHD_Result handle_doctor(struct request *rq);
enum MHD_Result handle_export(struct request *rq);
enum MHD_Result handle_health(struct request *rq);
enum MHD_Result handle_me(struct request *rq);
enum MHD_Result handle_message(struct request *rq);
enum MHD_Result handle_metrics(struct request *rq);
enum MHD_Result handle_models(struct request *rq);
enum MHD_Result handle_openapi(struct request *rq);
enum MHD_Result handle_retry(struct request *rq);
enum MHD_Result handle_retry_plan(struct request *rq);
enum MHD_Result handle_run(struct request *rq);
enum MHD_Result handle_run_counts(struct request *rq);
enum MHD_Result handle_run_span(struct request *rq);
enum MHD_Result handle_run_spans(struct request *rq);
enum MHD_Result handle_runs(struct request *rq);
enum MHD_Result handle_session(struct request *rq);
enum MHD_Result handle_sessions(struct request *rq);
enum MHD_Result handle_similar(struct request *rq);
enum MHD_Result handle_spans(struct request *rq);
enum MHD_Result handle_steps(struct request *rq);
enum MHD_Result handle_tools(struct request *rq);

/* "status":{"completed":3}, by enum run_status; those that there are. */
void put_run_statuses(struct json_writer *w, const int64_t *statuses);
/* status.c: "engines":[...], how captures are doing; "sinks":[...], how far they are. */
void put_engines(struct json_writer *w, const struct request *rq);
void put_sinks(struct json_writer *w, struct store_reader *r, int64_t newest_seq);
/* Of the store's file or one beside it; 0 where there is none. */
int64_t store_file_bytes(const char *path, const char *suffix);
