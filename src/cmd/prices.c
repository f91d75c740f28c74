/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "base/util.h"
#include "cmd/command.h"
#include "cmd/prices_cmd.h"
#include "cmd/screen.h"

static struct prices_options o;

static const struct option_spec options[] = {
	{ "json", 'j', OPTION_FLAG, &o.json, NULL, "one JSON object per price", NULL, NULL },
	{ "provider", 0, OPTION_STRING, &o.provider, "NAME", "of this provider", NULL, NULL },
	{ "at", 0, OPTION_TIME, &o.at, "TIME", "as they were then", NULL, NULL },
	{ "prices", 0, OPTION_STRING, &o.prices, "FILE", "prices that win over the built-in ones",
	  NULL, NULL },
	{ "output", 'o', OPTION_STRING, &o.output, "FILE",
	  "import: where to, '-' for standard output", NULL, NULL },
	{ 0 },
};

static const struct {
	const char *name;
	int (*run)(const struct prices_options *o, char **argv);
	int min, max; /* operands; max -1: any number */
	const char *usage;
} parts[] = {
	{ "list", prices_list_run, 0, -1, "list [MODEL | PROVIDER]..." },
	{ "show", prices_show_run, 1, 1, "show MODEL" },
	{ "check", prices_check_run, 0, 1, "check [FILE]" },
	{ "format", prices_format_run, 0, 0, "format" },
	{ "import", prices_import_run, 1, 1, "import FILE" },
	{ "cost", prices_cost_run, 0, 1, "cost [FILE]" },
};

uint64_t prices_time(const struct prices_options *opts)
{
	return opts->at ? opts->at : (uint64_t)time(NULL) * 1000000000;
}

struct text32 prices_money(int64_t micro)
{
	struct text32 t = { "" };
	size_t n;

	if (micro < 0)
		return t;
	n = (size_t)snprintf(t.s, sizeof(t.s), "%lld.%06lld", (long long)(micro / 1000000),
			     (long long)(micro % 1000000));
	while (n && t.s[n - 1] == '0')
		t.s[--n] = '\0';
	if (n && t.s[n - 1] == '.')
		t.s[--n] = '\0';
	return t;
}

struct text64 prices_rate_key(enum price_rate rate)
{
	struct text64 t;
	const char *unit = price_rates[rate].unit;

	snprintf(t.s, sizeof(t.s), "%.30s_usd_per_%.*s", price_rates[rate].name,
		 (int)strcspn(unit, " "), unit);
	return t;
}

void prices_put_text(struct json_writer *w, const char *key, const char *text)
{
	if (!text || !text[0])
		return;
	json_key(w, key);
	json_put_str(w, slice_of(text));
}

static int run(int argc, char **argv)
{
	for (size_t i = 0; argc && i < ARRAY_SIZE(parts); i++) {
		if (strcmp(argv[0], parts[i].name) != 0)
			continue;
		if (argc - 1 < parts[i].min || (parts[i].max >= 0 && argc - 1 > parts[i].max)) {
			fprintf(stderr, "sonde: usage: sonde prices %s\n", parts[i].usage);
			return EXIT_USAGE;
		}
		return parts[i].run(&o, argv + 1);
	}
	return prices_list_run(&o, argv);
}

const struct command command_prices = {
	.name = "prices",
	.summary = "what models cost, and where that is known from",
	.usage = "[list | show | check | format | import | cost] [options] [ARGUMENT]...",
	.help = "  list [MODEL | PROVIDER]...  the prices in force, of all models or of those "
		"whose "
		"names\n"
		"                    contain MODEL; 'list' may be left out\n"
		"  show MODEL        every price of a model, found as a call's is: periods, "
		"service "
		"tiers,\n"
		"                    sizes, places, and where it is from\n"
		"  check [FILE]      what is wrong with a file of prices, by line; without FILE "
		"with "
		"the\n"
		"                    built-in prices and yours\n"
		"  format            what a file of prices can have\n"
		"  import FILE       adds a public price list to your prices: LiteLLM's\n"
		"                    model_prices_and_context_window.json or genai-prices' "
		"data.json\n"
		"                    (any version); says what has no place in sonde's form. What "
		"was\n"
		"                    imported before from the same list is replaced, your own "
		"entries stay\n"
		"                    and win\n"
		"  cost [FILE]       prices calls, one JSON object a line, from FILE or standard "
		"input\n"
		"\n"
		"A call of a model that is not listed counts as unpriced, never as free. A larger "
		"input\n"
		"makes the whole call dearer, not the excess. Prices are those of the time of the "
		"call.\n"
		"\n"
		"PRICES OF YOUR OWN\n"
		"  win: --prices FILE, else $SONDE_PRICES, else ~/.config/sonde/prices.json where\n"
		"  there is one. For example:\n"
		"\n"
		"  {\"format\": 1, \"version\": \"mine\",\n"
		"   \"aliases\": {\"our-deployment\": \"gpt-5\"},\n"
		"   \"models\": [\n"
		"    {\"provider\": \"openai\", \"model\": \"our-model\",\n"
		"     \"prices\": {\"input\": 0.5, \"output\": 1.5, \"cache_read\": 0.1}}\n"
		"  ]}\n"
		"\n"
		"  'sonde prices format' says what else a file can have.\n"
		"\n"
		"CALLS FOR 'cost'\n"
		"  {\"provider\": \"anthropic\", \"model\": \"claude-opus-5\", \"at\": "
		"\"2026-11-20T10:00:00Z\",\n"
		"   \"usage\": {\"input_tokens\": 1200, \"cache_read_input_tokens\": 1000, "
		"\"output_tokens\": 90},\n"
		"   \"tier\": \"batch\", \"geo\": \"us\"}\n"
		"\n"
		"  'at' is a date, a time (UTC where no offset is told) or Unix seconds; absent: "
		"now, or\n"
		"  --at. 'tier', 'geo' and 'id', which is repeated, may be absent. Usage has the "
		"names\n"
		"  above, those of the store's columns (input, cache_read) or of the attributes of "
		"spans\n"
		"  (gen_ai.usage.input_tokens); input and output are totals, all else is a part of "
		"them:\n"
		"  cache_read_input_tokens, cache_creation_input_tokens (of that "
		"cache_creation_5m_ and\n"
		"  cache_creation_1h_input_tokens), reasoning_output_tokens, audio_, image_, "
		"video_ "
		"and\n"
		"  tool_use_input_tokens, cache_read_audio_ and cache_read_image_input_tokens, "
		"audio_ and\n"
		"  image_output_tokens; and web_searches, images, search_units, audio_ms.\n"
		"  The answer has cost_usd, an exact decimal, with the rule and the table's "
		"version, or\n"
		"  the reason why there is none. A line that is wrong gets an object with 'error', "
		"and the\n"
		"  exit status is 1 at the end.\n"
		"\n"
		"Examples:\n"
		"  sonde prices claude-opus\n"
		"  sonde prices show claude-sonnet-4-6 --at 2026-03-01\n"
		"  sonde prices show us.anthropic.claude-opus-4-8-v1:0 --provider aws.bedrock\n"
		"  sonde prices check ~/.config/sonde/prices.json\n"
		"  sonde prices import model_prices_and_context_window.json\n"
		"  sonde prices cost <calls.jsonl\n",
	.options = options,
	.run = run,
	.max_operands = -1,
};
