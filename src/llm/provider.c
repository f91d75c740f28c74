/* SPDX-License-Identifier: BSD-2-Clause */
/* Who answers, by host: gen_ai.provider.name. A new provider that speaks a known format is one
 * line. */
#include "llm/format.h"

/* A host; with a leading dot the end of one; with an asterisk a part of one (regions). */
static const struct {
	const char *host, *provider;
} hosts[] = {
	{ "api.openai.com", "openai" },
	{ ".api.openai.com", "openai" },
	{ "chatgpt.com", "openai" },
	{ "api.anthropic.com", "anthropic" },
	{ "*aws-external-anthropic.", "anthropic" },
	{ ".openai.azure.com", "azure.ai.openai" },
	{ ".cognitiveservices.azure.com", "azure.ai.openai" },
	{ ".services.ai.azure.com", "azure.ai.inference" },
	{ ".inference.ai.azure.com", "azure.ai.inference" },
	{ "models.inference.ai.azure.com", "azure.ai.inference" },
	{ "*aiplatform.googleapis.com", "gcp.vertex_ai" },
	{ "claude.googleapis.com", "gcp.vertex_ai" },
	{ "*aiplatform.us.rep.googleapis.com", "gcp.vertex_ai" },
	{ "*aiplatform.eu.rep.googleapis.com", "gcp.vertex_ai" },
	{ "generativelanguage.googleapis.com", "gcp.gemini" },
	{ "*cloudcode-pa.", "gcp.gemini" }, /* Code Assist */
	{ "*bedrock-runtime", "aws.bedrock" },
	{ "*bedrock-agent-runtime", "aws.bedrock" },
	{ "*bedrock-mantle.", "aws.bedrock" },
	{ "api.deepseek.com", "deepseek" },
	{ "api.groq.com", "groq" },
	{ "api.mistral.ai", "mistral_ai" },
	{ "codestral.mistral.ai", "mistral_ai" },
	{ "api.cohere.com", "cohere" },
	{ "api.cohere.ai", "cohere" },
	{ ".api.cohere.com", "cohere" },
	{ "ollama.com", "ollama" },
	{ "api.perplexity.ai", "perplexity" },
	{ "api.x.ai", "x_ai" },
	{ ".api.x.ai", "x_ai" },
	{ "api.moonshot.ai", "moonshot_ai" },
	{ "api.moonshot.cn", "moonshot_ai" },
	{ ".ml.cloud.ibm.com", "ibm.watsonx.ai" },
	{ "openrouter.ai", "openrouter" },
	{ "api.together.xyz", "together_ai" },
	{ "api.together.ai", "together_ai" },
	{ "api.fireworks.ai", "fireworks_ai" },
	{ "api.cerebras.ai", "cerebras" },
	{ "api.z.ai", "z_ai" },
	{ "open.bigmodel.cn", "z_ai" },
	{ "api.minimax.io", "minimax" },
	{ "api.minimaxi.com", "minimax" },
	{ "api.jina.ai", "jina_ai" },
	{ "api.voyageai.com", "voyage_ai" },
	{ "api.writer.com", "writer" },
	{ "router.huggingface.co", "huggingface" },
	{ ".cursor.sh", "cursor" },
	{ "api.githubcopilot.com", "github_copilot" },
	{ ".githubcopilot.com", "github_copilot" },
};

bool llm_host_is(struct slice host, struct slice known)
{
	if (known.p[0] == '*')
		return slice_has(host, slice_from(known, 1));
	if (known.p[0] != '.')
		return slice_ieq(host, known);
	return host.n > known.n &&
	       slice_ieq((struct slice){ host.p + host.n - known.n, known.n }, known);
}

const char *llm_provider_of_host(struct slice host)
{
	struct slice name = host, port;

	if (slice_cut(host, ':', &name, &port) && slice_eq(port, SLICE("11434")))
		return "ollama";
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		if (llm_host_is(name, slice_of(hosts[i].host)))
			return hosts[i].provider;
	return NULL;
}
