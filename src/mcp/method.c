/* SPDX-License-Identifier: BSD-2-Clause */
#include "mcp/method.h"

#include "base/util.h"
#include "mcp/session.h"

static const struct rpc_method methods[] = {
	{ "tools/call", TOOL_CALL, 0, "name", NULL, NULL },
	{ "resources/read", TOOL_RESOURCE, 0, "uri", NULL, NULL },
	{ "prompts/get", TOOL_PROMPT, 0, "name", NULL, NULL },
	{ "sampling/createMessage", TOOL_SAMPLING, 0, NULL, NULL, NULL },
	{ "elicitation/create", TOOL_ELICITATION, 0, NULL, NULL, NULL },

	{ "initialize", TOOL_OTHER, 0, NULL, session_take_client, session_take_server },
	{ "server/discover", TOOL_OTHER, 0, NULL, NULL, session_take_server },
	{ "tools/list", TOOL_OTHER, 0, NULL, NULL, session_take_tools },
	{ "prompts/list", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "resources/list", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "resources/templates/list", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "resources/subscribe", TOOL_OTHER, 0, "uri", NULL, NULL },
	{ "resources/unsubscribe", TOOL_OTHER, 0, "uri", NULL, NULL },
	{ "subscriptions/listen", TOOL_OTHER, METHOD_LONG, NULL, NULL, NULL },
	{ "roots/list", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "completion/complete", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "logging/setLevel", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "ping", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "tasks/list", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "tasks/result", TOOL_OTHER, METHOD_LONG, NULL, NULL, NULL },
	{ "tasks/update", TOOL_OTHER, 0, NULL, NULL, NULL },

	{ "SendMessage", TOOL_AGENT, 0, NULL, NULL, NULL },
	{ "SendStreamingMessage", TOOL_AGENT, METHOD_STREAM, NULL, NULL, NULL },
	{ "SubscribeToTask", TOOL_AGENT, METHOD_STREAM, NULL, NULL, NULL },
	{ "GetTask", TOOL_OTHER, METHOD_TASK, NULL, NULL, NULL },
	{ "ListTasks", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "CancelTask", TOOL_OTHER, METHOD_TASK, NULL, NULL, NULL },
	{ "CreateTaskPushNotificationConfig", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "GetTaskPushNotificationConfig", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "ListTaskPushNotificationConfigs", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "ListTaskPushNotificationConfig", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "DeleteTaskPushNotificationConfig", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "GetExtendedAgentCard", TOOL_OTHER, 0, NULL, NULL, session_take_card },
	{ "message/send", TOOL_AGENT, 0, NULL, NULL, NULL },
	{ "message/stream", TOOL_AGENT, METHOD_STREAM, NULL, NULL, NULL },
	{ "tasks/resubscribe", TOOL_AGENT, METHOD_STREAM, NULL, NULL, NULL },
	{ "tasks/get", TOOL_OTHER, METHOD_TASK, NULL, NULL, NULL },
	{ "tasks/cancel", TOOL_OTHER, METHOD_TASK, NULL, NULL, NULL },
	{ "tasks/pushNotificationConfig/set", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "tasks/pushNotificationConfig/get", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "tasks/pushNotificationConfig/list", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "tasks/pushNotificationConfig/delete", TOOL_OTHER, 0, NULL, NULL, NULL },
	{ "agent/getAuthenticatedExtendedCard", TOOL_OTHER, 0, NULL, NULL, session_take_card },
};

const struct rpc_method rpc_method_unknown = { "", TOOL_OTHER, 0, NULL, NULL, NULL };

const struct rpc_method *rpc_method(struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (slice_eq(name, slice_of(methods[i].name)))
			return &methods[i];
	return NULL;
}
