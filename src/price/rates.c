/* SPDX-License-Identifier: BSD-2-Clause */
#include "price/price.h"

#define TOKENS	 "million tokens", .denominator = 1000000, .scaled = true
#define THOUSAND .denominator = 1000

const struct price_rate_info price_rates[PRICE_RATES] = {
	[RATE_INPUT] = { "input", .missing = "no price for input", .unit = TOKENS },
	[RATE_OUTPUT] = { "output", .missing = "no price for output", .unit = TOKENS },
	[RATE_CACHE_READ] = { "cache_read", .missing = "no price for cache reads", .unit = TOKENS },
	[RATE_CACHE_WRITE] = { "cache_write", .missing = "no price for cache writes",
			       .unit = TOKENS },
	[RATE_CACHE_WRITE_1H] = { "cache_write_1h", .missing = "no price for one-hour cache writes",
				  .unit = TOKENS },
	[RATE_REASONING] = { "reasoning", .missing = "no price for reasoning", .unit = TOKENS },
	[RATE_INPUT_AUDIO] = { "input_audio", .missing = "no price for audio input",
			       .unit = TOKENS },
	[RATE_CACHE_READ_AUDIO] = { "cache_read_audio", .missing = "no price for cached audio",
				    .unit = TOKENS },
	[RATE_OUTPUT_AUDIO] = { "output_audio", .missing = "no price for audio output",
				.unit = TOKENS },
	[RATE_INPUT_IMAGE] = { "input_image", .missing = "no price for image input",
			       .unit = TOKENS },
	[RATE_CACHE_READ_IMAGE] = { "cache_read_image", .missing = "no price for cached images",
				    .unit = TOKENS },
	[RATE_OUTPUT_IMAGE] = { "output_image", .missing = "no price for image output",
				.unit = TOKENS },
	[RATE_INPUT_VIDEO] = { "input_video", .missing = "no price for video input",
			       .unit = TOKENS },
	[RATE_WEB_SEARCH] = { "web_search", .missing = "no price for web searches",
			      .unit = "thousand searches", THOUSAND },
	[RATE_REQUEST] = { "request", .missing = "no price for requests",
			   .unit = "thousand requests", THOUSAND },
	[RATE_IMAGE] = { "image", .missing = "no price for images", .unit = "thousand images",
			 THOUSAND, .scaled = true },
	[RATE_SEARCH_UNIT] = { "search_unit", .missing = "no price for search units",
			       .unit = "thousand search units", THOUSAND },
	[RATE_AUDIO_HOUR] = { "audio_hour", .missing = "no price for sound by time",
			      .unit = "hour of sound", .denominator = 3600000, .scaled = true },
};
