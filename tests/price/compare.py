#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
For maintainers: prices the same calls by our table and by the public packages genai-prices and litellm, and prints
where they differ. Neither is needed for building or testing; `pip install genai-prices litellm` somewhere, then

    SONDE=build/sonde python3 tests/price/compare.py [--all] [--at 2026-11-30]

A difference is not a mistake of ours as such: the lists differ from each other, and from the vendors' pages. What is
known and wanted is in KNOWN, with the reason.
"""
import argparse, collections, datetime, importlib.util, json, os, pathlib, re, subprocess, sys
from decimal import Decimal

# genai-prices' provider to ours
PROVIDERS = {
    'anthropic': 'anthropic', 'openai': 'openai', 'azure': 'azure.ai.openai', 'google': 'gcp.gemini',
    'aws': 'aws.bedrock', 'mistral': 'mistral_ai', 'cohere': 'cohere', 'deepseek': 'deepseek', 'groq': 'groq',
    'x-ai': 'x_ai', 'together': 'together_ai', 'fireworks': 'fireworks_ai', 'perplexity': 'perplexity',
    'cerebras': 'cerebras', 'moonshotai': 'moonshot_ai', 'zai': 'z_ai', 'minimax': 'minimax',
    'github-copilot': 'github_copilot', 'openrouter': 'openrouter',
}
LITELLM = {
    'openai': 'openai', 'anthropic': 'anthropic', 'gemini': 'gcp.gemini', 'mistral': 'mistral_ai', 'deepseek': 'deepseek',
    'groq': 'groq', 'xai': 'x_ai', 'moonshot': 'moonshot_ai', 'zai': 'z_ai', 'cerebras': 'cerebras', 'cohere': 'cohere',
    'cohere_chat': 'cohere', 'perplexity': 'perplexity', 'bedrock_converse': 'aws.bedrock', 'azure': 'azure.ai.openai',
}
# Counts that both understand; ours, theirs (without _tokens).
NO_OUTPUT = re.compile(r'embed')  # what answers with no tokens
VECTORS = [
    {'input': 1000, 'output': 100},
    {'input': 1000, 'output': 100, 'cache_read': 1000},
    {'input': 1000, 'output': 100, 'cache_read': 300, 'cache_write': 200},
    {'input': 300000, 'output': 2000, 'cache_read': 100000},
    {'input': 1000000, 'output': 10},
]
# (provider, pattern of the model): why we differ from genai-prices on purpose.
KNOWN = [
    ('azure.ai.openai', r':free$', 'free at a reseller, not at Azure'),
    ('azure.ai.openai', r'^(ada|babbage|curie|davinci)$', 'completion models; genai-prices lists embeddings under the names'),
    ('openai', r'^gpt-oss|:extended$', 'not sold by OpenAI'),
    ('openai', r'^ft:.*-$', 'the beginning of names, which is no name'),
    ('anthropic', r'^claude-sonnet-4-0$', 'above 200,000 tokens it has prices of its own'),
    ('deepseek', r'^deepseek-(chat|reasoner)$', 'off-peak hours ended on 2025-09-05, then two changes of price'),
    ('openai', r'\.ft-$', 'spelled as a fine-tuning id, which ours are not'),
    ('mistral_ai', r':free$|ocr', 'free at resellers; pages are not counted'),
    ('openrouter', r'.', 'it tells prices itself: of those that changed, the large makers\' alone are kept'),
    ('perplexity', r'.', 'searches are part of the price of a request'),
]


def sonde(calls):
    """Costs of calls, in order: Decimal, or the reason why there is none."""
    lines = ''.join(json.dumps(c) + '\n' for c in calls)
    env = dict(os.environ, SONDE_PRICES=os.environ.get('SONDE_PRICES', ''), XDG_CONFIG_HOME='/nonexistent')
    out = subprocess.run([os.environ.get('SONDE', 'build/sonde'), 'prices', 'cost'], input=lines, text=True, env=env,
                         capture_output=True, check=False).stdout
    return [Decimal(d['cost_usd']) if 'cost_usd' in d else d.get('reason', d.get('error'))
            for d in map(json.loads, out.splitlines())]


def genai(provider, model, usage, at):
    import genai_prices
    u = genai_prices.Usage(**{k + '_tokens': v for k, v in usage.items()})
    return genai_prices.calc_price(u, model, provider_id=provider, genai_request_timestamp=at).total_price


def genai_models():
    from genai_prices import data
    for p in data.providers:
        if p.id in PROVIDERS:
            for m in p.models:
                vertex = p.id == 'google' and re.search(r'^claude|-maas$', m.id)
                yield p.id, 'gcp.vertex_ai' if vertex else PROVIDERS[p.id], re.sub(r'^regional\.', 'us.', m.id)


def litellm_models():
    spec = importlib.util.find_spec('litellm')
    path = pathlib.Path(spec.origin).parent / 'model_prices_and_context_window_backup.json'
    for key, v in json.loads(path.read_text()).items():
        if v.get('litellm_provider') in LITELLM and v.get('mode') in ('chat', 'responses', 'embedding') and v.get('input_cost_per_token'):
            name = re.sub(r'^(azure|gemini|mistral|deepseek|groq|xai|moonshot|zai|cerebras|perplexity)/', '', key)
            yield LITELLM[v['litellm_provider']], name, v


def litellm(v, usage):
    """LiteLLM's figures by its own rule: cached tokens apart, the whole call above a size."""
    size = max([int(m[1]) * 1000 for m in (re.fullmatch(r'input_cost_per_token_above_(\d+)k_tokens', k) for k in v) if m and
                usage['input'] > int(m[1]) * 1000] or [0])
    suffix = '_above_%dk_tokens' % (size // 1000) if size else ''

    def price(name):
        x = v.get(name + suffix, v.get(name))
        return None if x is None else Decimal(str(x))
    read, write = usage.get('cache_read', 0), usage.get('cache_write', 0)
    i, o = price('input_cost_per_token'), price('output_cost_per_token') or 0
    r, w = price('cache_read_input_token_cost'), price('cache_creation_input_token_cost')
    return i * (usage['input'] - read - write) + (r if r is not None else i) * read + (w if w is not None else i) * write + o * usage['output']


def known(provider, model):
    for p, pattern, why in KNOWN:
        if p == provider and re.search(pattern, model):
            return why
    return None


def vectors(model):
    return [dict(v, output=0) if NO_OUTPUT.search(model) else v for v in VECTORS]


def report(title, rows, everything):
    """rows: (provider, model, usage, ours, theirs)"""
    classes = collections.defaultdict(list)
    differing = set()
    for provider, model, usage, ours, theirs in rows:
        if isinstance(ours, Decimal) and abs(ours - theirs) <= Decimal('0.000000001') + abs(theirs) / 100000:
            continue
        differing.add((provider, model))
        why = known(provider, model) or (ours if isinstance(ours, str) else 'another price')
        classes[provider, why].append((model, usage, ours, theirs))
    print('%s: %d models compared, %d differ' % (title, len({(r[0], r[1]) for r in rows}), len(differing)))
    for (provider, why), found in sorted(classes.items()):
        print('  %s: %s: %d models' % (provider, why, len({f[0] for f in found})))
        if everything:
            for model, usage, ours, theirs in found:
                print('      %s %s: ours %s, theirs %s' % (model, usage, ours, theirs))
        elif not known(provider, found[0][0]):
            first = {f[0]: f for f in reversed(found)}
            for model, usage, ours, theirs in sorted(first.values(), key=lambda f: f[0])[:12]:
                print('      %s: ours %s, theirs %s' % (model, ours if isinstance(ours, Decimal) else '-', theirs))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--all', action='store_true', help='every difference, not the first few of a kind')
    parser.add_argument('--at', default=datetime.date.today().isoformat())
    args = parser.parse_args()
    at = datetime.datetime.fromisoformat(args.at + 'T12:00:00+00:00')
    rows, calls = [], []
    for theirs, ours, model in genai_models():
        for usage in vectors(model):
            try:
                price = genai(theirs, model, usage, at)
            except (LookupError, ValueError):
                continue
            if price == 0:  # free, or of a kind that has no tokens
                continue
            rows.append((ours, model, usage, price))
            calls.append({'provider': ours, 'model': model, 'at': at.isoformat(), 'usage': usage})
    report('genai-prices', [(p, m, u, c, t) for (p, m, u, t), c in zip(rows, sonde(calls))], args.all)
    rows, calls = [], []
    for ours, model, v in litellm_models():
        for usage in vectors(model):
            rows.append((ours, model, usage, litellm(v, usage)))
            calls.append({'provider': ours, 'model': model, 'at': at.isoformat(), 'usage': usage})
    report('litellm', [(p, m, u, c, t) for (p, m, u, t), c in zip(rows, sonde(calls))], args.all)
    return 0


if __name__ == '__main__':
    sys.exit(main())
