/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the attributes in span.attrs are called: the OpenTelemetry GenAI conventions 1.41, and
 * `sonde.*` for what they have no name for. The columns of struct span are named by who shows them.
 */
#pragma once

#define ATTR_OPERATION		 "gen_ai.operation.name"
#define ATTR_CALL_CLASS		 "sonde.call.class" /* main, title, compaction, ... */
#define ATTR_CALL_CLASS_EVIDENCE "sonde.call.class.evidence"
#define ATTR_MAX_TOKENS		 "gen_ai.request.max_tokens"
#define ATTR_TEMPERATURE	 "gen_ai.request.temperature"
#define ATTR_TOP_P		 "gen_ai.request.top_p"
#define ATTR_TOP_K		 "gen_ai.request.top_k"
#define ATTR_FREQUENCY_PENALTY	 "gen_ai.request.frequency_penalty"
#define ATTR_PRESENCE_PENALTY	 "gen_ai.request.presence_penalty"
#define ATTR_SEED		 "gen_ai.request.seed"
#define ATTR_CHOICES		 "gen_ai.request.choice.count"
#define ATTR_STOP		 "gen_ai.request.stop_sequences"
#define ATTR_FINISH_REASONS	 "gen_ai.response.finish_reasons" /* of several choices */
#define ATTR_ALTERNATIVES	 "sonde.output.alternatives"	  /* nodes of the other choices */
/* "reasoning FROM TO" for each part of a streamed answer, in order: ns after its start */
#define ATTR_OUTPUT_PARTS	  "sonde.output.parts"
#define ATTR_OUTPUT_TYPE	  "gen_ai.output.type"
#define ATTR_STREAM		  "gen_ai.request.stream"
#define ATTR_TOOL_TYPE		  "gen_ai.tool.type"
#define ATTR_SKILL		  "sonde.skill.name" /* that the call loads */
#define ATTR_TOOL_DESCRIPTION	  "gen_ai.tool.description"
#define ATTR_MCP_METHOD		  "mcp.method.name"
#define ATTR_MCP_VERSION	  "mcp.protocol.version"
#define ATTR_MCP_SERVER		  "sonde.mcp.server.name"
#define ATTR_MCP_SERVER_VERSION	  "sonde.mcp.server.version"
#define ATTR_MCP_SERVER_PID	  "sonde.mcp.server.pid"
#define ATTR_MCP_SERVER_PROGRAM	  "sonde.mcp.server.program"
#define ATTR_MCP_SERVER_LINE	  "sonde.mcp.server.command_line"
#define ATTR_MCP_CLIENT		  "sonde.mcp.client.name"
#define ATTR_MCP_CLIENT_VERSION	  "sonde.mcp.client.version"
#define ATTR_MCP_SERVER_TOOLS	  "sonde.mcp.server.tool_count" /* that it offers */
#define ATTR_MCP_SESSION	  "mcp.session.id"
#define ATTR_MCP_URI		  "mcp.resource.uri"
#define ATTR_MCP_PROGRESS	  "sonde.mcp.progress" /* notifications */
#define ATTR_MCP_ROUNDS		  "sonde.mcp.rounds"   /* asked again with more input */
#define ATTR_MCP_BATCH		  "sonde.mcp.batch"
#define ATTR_MCP_CANCELLED	  "sonde.mcp.cancelled"
#define ATTR_A2A_METHOD		  "sonde.a2a.method"
#define ATTR_A2A_TASK		  "sonde.a2a.task.id"
#define ATTR_A2A_STATE		  "sonde.a2a.task.state"
#define ATTR_AGENT_DESCRIPTION	  "gen_ai.agent.description"
#define ATTR_PROMPT		  "gen_ai.prompt.name"
#define ATTR_PROTOCOL		  "network.protocol.name"
#define ATTR_RPC_ID		  "jsonrpc.request.id"
#define ATTR_RPC_STATUS		  "rpc.response.status_code"
#define ATTR_TRANSPORT		  "network.transport"
#define ATTR_REQUEST_TIER	  "sonde.request.service_tier"
#define ATTR_RESPONSE_TIER	  "sonde.response.service_tier"
#define ATTR_RESPONSE_GEO	  "sonde.response.inference_geo"
#define ATTR_OPENAI_REQUEST_TIER  "openai.request.service_tier"
#define ATTR_OPENAI_RESPONSE_TIER "openai.response.service_tier"
#define ATTR_OPENAI_API		  "openai.api.type"
#define ATTR_REASONING_EFFORT	  "sonde.request.reasoning_effort"
#define ATTR_TOOL_COUNT		  "sonde.request.tool_count"
#define ATTR_PREVIOUS_RESPONSE	  "sonde.request.previous_response_id"
#define ATTR_REQUEST_ID		  "sonde.request.id"
#define ATTR_FORMAT		  "sonde.format"
#define ATTR_HTTP_METHOD	  "http.request.method"
#define ATTR_HTTP_STATUS	  "http.response.status_code"
#define ATTR_URL_PATH		  "url.path"
#define ATTR_USER_AGENT		  "user_agent.original"
#define ATTR_REQUEST_BYTES	  "http.request.body.size"
#define ATTR_RESPONSE_BYTES	  "http.response.body.size"
#define ATTR_PEER_ADDRESS	  "network.peer.address"
#define ATTR_PEER_PORT		  "network.peer.port"
#define ATTR_ERROR_MESSAGE	  "sonde.error.message"
#define ATTR_ERROR_CODE		  "sonde.error.code"
#define ATTR_INITIATOR		  "sonde.request.initiator"  /* Copilot: user or agent */
#define ATTR_SERVED_BY		  "sonde.response.served_by" /* whom a router passed it to */
#define ATTR_NANO_AIU		  "sonde.usage.nano_aiu"     /* Copilot's credits / 10^9 */
#define ATTR_TABLE_USD		  "sonde.cost.table.usd" /* ours, beside what the provider told */
#define ATTR_TABLE_PRICE	  "sonde.cost.table.price"
#define ATTR_TABLE_UNKNOWN	  "sonde.cost.table.unknown"
#define ATTR_COST_MISMATCH	  "sonde.cost.mismatch"
#define ATTR_CUT		  "sonde.cut"		 /* why an answer is not whole */
#define ATTR_LATE_ATTACH	  "sonde.late_attach_ms" /* what was said before was not seen */
#define ATTR_REQUEST_CUT	  "sonde.request.cut"
#define ATTR_REQUEST_DAMAGE	  "sonde.request.damage"
#define ATTR_RESPONSE_DAMAGE	  "sonde.response.damage"
#define ATTR_RATE_LIMIT		  "sonde.rate_limit." /* then the header's name */
#define ATTR_DUPLICATE_OF	  "sonde.duplicate_of"
#define ATTR_RETRY_OF		  "sonde.retry_of"
#define ATTR_CONVERSATION	  "sonde.conversation.id"
#define ATTR_CONVERSATION_LINK	  "sonde.conversation.evidence"
#define ATTR_CONTINUES		  "sonde.conversation.continues" /* span id of the call before */
#define ATTR_INBOUND		  "sonde.inbound"
#define ATTR_SOURCE		  "sonde.source"	/* of what was imported: "har" */
#define ATTR_RECORDER		  "sonde.recorder"	/* what made the imported file */
#define ATTR_TOOL_STATUS	  "sonde.tool.status"	/* waiting, completed, failed, incomplete */
#define ATTR_TOOL_ASKED_BY	  "sonde.tool.asked_by" /* span id of the call */
#define ATTR_TOOL_ASKED_CUT	  "sonde.tool.asked_cut" /* bytes of the answer were lost */
#define ATTR_TOOL_ANSWERED_TO	  "sonde.tool.answered_to"
#define ATTR_TOOL_ASKED_NS	  "sonde.tool.asked_unix_nano"
#define ATTR_TOOL_ANSWERED_NS	  "sonde.tool.answered_unix_nano"
#define ATTR_TOOL_TIMING	  "sonde.tool.timing" /* what its bounds are of: process, mcp, ... */
#define ATTR_TOOL_TOLD_NS	  "sonde.tool.client_duration_ns" /* as the client told */
#define ATTR_CARRIER_EVIDENCE	  "sonde.process.evidence"	  /* why it is the one */
#define ATTR_PROCESS_LINE	  "process.command_line"
#define ATTR_PROCESS_ARGS	  "process.command_args"
#define ATTR_PROCESS_PARENT	  "process.parent_pid"
#define ATTR_PROCESS_PATH	  "process.executable.path"
#define ATTR_PROCESS_CWD	  "process.working_directory"
#define ATTR_PROCESS_EXIT_CODE	  "process.exit.code"
#define ATTR_PROCESS_SIGNAL	  "sonde.process.signal"
#define ATTR_PROCESS_CHAIN	  "sonde.process.programs"
#define ATTR_PROCESS_CPU_NS	  "sonde.process.cpu_ns"
#define ATTR_FILE_PATH		  "file.path"
#define ATTR_FILE_SIZE		  "file.size"
#define ATTR_FILE_OPERATION	  "sonde.file.operation" /* what became of it: written, removed, ... */
#define ATTR_FILE_FROM		  "sonde.file.from" /* its name before, or what it is a link to */
#define ATTR_FILE_BYTES		  "sonde.file.bytes_written" /* by write calls */
#define ATTR_FILE_WRITES	  "sonde.file.writes"	     /* times that it was closed */
#define ATTR_FILE_CREATED	  "sonde.file.created"
#define ATTR_FILE_TEMPORARY	  "sonde.file.temporary" /* created and removed */
#define ATTR_FILE_CUT		  "sonde.file.path_cut"
#define ATTR_FILE_PARTIAL	  "sonde.file.path_partial" /* the end of it */
#define ATTR_FILE_MAPPED	  "sonde.file.mapped" /* perhaps written through memory, not counted */
#define ATTR_FILE_REMOTE	  "sonde.file.remote" /* another machine or process keeps it */
#define ATTR_FILE_OWN		  "sonde.file.own"    /* the agent keeps it for itself */
#define ATTR_ARTIFACT_SHA256	  "sonde.artifact.sha256"
#define ATTR_ARTIFACT_STATE	  "sonde.artifact.state" /* whole, or why its content is not kept */
#define ATTR_FILES_WRITTEN	  "sonde.files.written"
#define ATTR_FILES_REMOVED	  "sonde.files.removed"
#define ATTR_CONNECTIONS	  "sonde.connections"
#define ATTR_SYSTEM_CONNECTIONS	  "sonde.run.system_connections" /* to DNS, nscd, dbus: no steps */
#define ATTR_NETWORK_ATTEMPTS	  "sonde.network.attempts"
#define ATTR_NETWORK_RESULTS	  "sonde.network.results" /* "connected 2", "ECONNREFUSED 1" */
#define ATTR_NETWORK_SENT	  "sonde.network.bytes_sent"
#define ATTR_NETWORK_RECEIVED	  "sonde.network.bytes_received"
#define ATTR_NETWORK_TLS	  "sonde.network.tls"
#define ATTR_NETWORK_HTTP	  "sonde.network.http_requests" /* that are no steps */
#define ATTR_HOUSEKEEPING	  "sonde.housekeeping" /* what agents do of their own accord */
#define ATTR_UNEXPLAINED_WHY	  "sonde.unexplained.reason"
#define ATTR_UNEXPLAINED	  "sonde.unexplained"	  /* no open tool call explains it */
#define ATTR_SANDBOX_SECCOMP	  "sonde.sandbox.seccomp" /* none, filter */
#define ATTR_SANDBOX_NO_NEW_PRIVS "sonde.sandbox.no_new_privs"
#define ATTR_SANDBOX_CAPS	  "sonde.sandbox.capabilities" /* none, all, hexadecimal */
#define ATTR_SANDBOX_NAMESPACES	  "sonde.sandbox.namespaces"   /* that are not the host's */
#define ATTR_SANDBOX_READ_ONLY	  "sonde.sandbox.read_only_root"
#define ATTR_SANDBOX_UID	  "sonde.sandbox.uid"
#define ATTR_TRACED_BY		  "sonde.traced_by" /* who traces it and what it starts: sonde */
#define ATTR_EGRESS_VERDICT	  "sonde.egress.verdict" /* allowed, denied, undecided */
#define ATTR_EGRESS_RULE	  "sonde.egress.rule"
#define ATTR_RUN_STATUS		  "sonde.run.status"
#define ATTR_RUN_REASON		  "sonde.run.status_reason"
#define ATTR_RUN_LAUNCHER	  "sonde.run.launcher"	    /* "sonde run": who started it */
#define ATTR_RUN_WHOLE		  "sonde.run.command_whole" /* process.command_args is all of it */
#define ATTR_RUN_RETRY_OF	  "sonde.run.retry_of"	    /* the run that it is another go at */
#define ATTR_RUN_EVENTS		  "sonde.run.events"	    /* happened.h */
#define ATTR_SUBAGENT		  "sonde.agent.sub"
#define ATTR_AGENT_EVIDENCE	  "sonde.agent.evidence"
#define ATTR_DROPPED_STEPS	  "sonde.run.steps_not_kept"
