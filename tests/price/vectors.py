#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
`sonde prices cost` against a calculation of its own: random usage of every model of the table, priced here in decimals
straight from src/price/prices.json by what its head says. Prints what differs; exit status 1 then.

    SONDE=build/sonde python3 tests/price/vectors.py [COUNT [SEED]]
"""
import datetime, decimal, json, os, pathlib, random, subprocess, sys
from decimal import Decimal

decimal.getcontext().prec = 60
TABLE = pathlib.Path(__file__).resolve().parents[2] / 'src/price/prices.json'
MILLION, THOUSAND = Decimal(10) ** 6, Decimal(10) ** 3
PICO = Decimal(10) ** -12
# a kind's price where it has none of its own: that of what it is a part of
PART_OF = {'cache_read': 'input', 'cache_write': 'input', 'reasoning': 'output', 'cache_read_audio': 'cache_read',
           'input_image': 'input', 'cache_read_image': 'cache_read', 'input_video': 'input'}
PIECES = {'web_search': 'web_searches', 'image': 'images', 'search_unit': 'search_units'}


class Unpriced(Exception):
    pass


def read_table():
    return json.loads(TABLE.read_text(), parse_float=Decimal, parse_int=Decimal)


def day(text):
    form = '%Y-%m-%dT%H:%M:%SZ' if 'T' in text else '%Y-%m-%d'
    return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc)


def in_hours(text, at):
    begin, end = (int(t[:2]) * 60 + int(t[3:]) for t in text.split('-'))
    minute = at.hour * 60 + at.minute
    return begin <= minute < end if begin <= end else minute >= begin or minute < end


def period_at(prices, at):
    for p in prices if isinstance(prices, list) else [prices]:
        if 'from' in p and at < day(p['from']) or 'until' in p and at >= day(p['until']):
            continue
        if 'hours' not in p or in_hours(p['hours'], at):
            return p
    raise Unpriced('no price for that time')


def level(prices, tokens):
    """The prices of a call with so many input tokens: those of the largest size that it exceeds."""
    result = {k: v for k, v in prices.items() if isinstance(v, Decimal)}
    for size in sorted(prices.get('over', []), key=lambda o: o['tokens']):
        if tokens > size['tokens']:
            result = {**{k: v for k, v in prices.items() if isinstance(v, Decimal)}, **size}
    return result


def rates_of(period, tier, tokens):
    """Rates, and the tier's factor."""
    if not tier:
        return level(period, tokens), Decimal(1)
    t = period.get('tiers', {}).get(tier)
    if t is None:
        raise Unpriced('no price for this service tier')
    if isinstance(t, Decimal):
        return level(period, tokens), t
    base = {k: v for k, v in period.items() if isinstance(v, Decimal)}
    return level({**base, **t}, tokens), Decimal(1)


def rate(rates, kind):
    if kind == 'cache_write_1h' and kind not in rates and 'cache_write' not in rates:
        kind = 'input'
    while kind not in rates and kind in PART_OF:
        kind = PART_OF[kind]
    return rates.get(kind)


def amounts(usage, rates):
    """What each kind is paid for; the vectors below tell every count."""
    n = dict.fromkeys(('input', 'cache_read', 'cache_write', 'cache_write_1h', 'output', 'output_audio', 'output_image',
                       'reasoning', 'input_audio', 'cache_read_audio', 'input_image', 'cache_read_image', 'input_video'), 0)
    n['cache_write_1h'] = usage['cache_write_1h']
    n['cache_write'] = usage['cache_write'] - usage['cache_write_1h']
    n['input_audio'] = usage['input_audio'] - usage['cache_read_audio']
    n['input_image'] = usage['input_image'] - usage['cache_read_image']
    n['cache_read_audio'], n['cache_read_image'] = usage['cache_read_audio'], usage['cache_read_image']
    n['cache_read'] = usage['cache_read'] - usage['cache_read_audio'] - usage['cache_read_image']
    n['input'] = usage['input'] - usage['cache_read'] - usage['cache_write'] - n['input_audio'] - n['input_image']
    n['output_audio'], n['output_image'] = usage['output_audio'], usage['output_image']
    n['reasoning'] = usage['reasoning'] if 'reasoning' in rates else 0
    n['output'] = usage['output'] - n['output_audio'] - n['output_image'] - n['reasoning']
    return n


def by_tokens(rates, piece):
    """Whether pictures or sound are billed as tokens, so that their number says nothing."""
    kinds = {'image': ('output', 'output_image'), 'audio_hour': ('input', 'input_audio')}.get(piece, ())
    return any(rates.get(k, 0) > 0 for k in kinds)


def cost(entry, call):
    at = datetime.datetime.fromisoformat(call['at'])
    period = period_at(entry['prices'], at)
    usage = call['usage']
    rates, factor = rates_of(period, call.get('tier'), usage['input'])
    factor *= geo_factor(period, call)
    total, plain = Decimal(0), Decimal(0)
    for kind, n in amounts(usage, rates).items():
        if n and rate(rates, kind) is None:
            raise Unpriced('no price for ' + kind)
        total += n * (rate(rates, kind) or 0) / MILLION
    for kind, name in PIECES.items():
        n = usage[name]
        if kind not in rates and (not n or by_tokens(rates, kind)):
            continue
        if kind not in rates:
            raise Unpriced('no price for ' + kind)
        if kind == 'image':
            total += n * rates[kind] / THOUSAND
        else:
            plain += n * rates[kind] / THOUSAND
    if 'audio_hour' in rates:
        total += usage['audio_ms'] * rates['audio_hour'] / 3600000
    elif usage['audio_ms'] and not by_tokens(rates, 'audio_hour'):
        raise Unpriced('no price for audio_hour')
    plain += rates.get('request', 0) / THOUSAND
    return (total * factor + plain).quantize(PICO, rounding=decimal.ROUND_HALF_UP)


def geo_factor(period, call):
    geo = period.get('geo', {})
    place = call.get('geo') or ('region' if call['provider'] == 'aws.bedrock' else '')
    if place in ('', 'global'):
        return Decimal(1)
    return geo.get(place, geo.get('*', Decimal(1)))


def random_usage(rnd):
    size = rnd.choice([10, 1000, 130000, 200000, 200001, 272000, 272001, 600000, 3000000])
    left = u_in = rnd.choice([size, rnd.randint(1, size)])
    u = {'input': u_in}

    def part(chance):
        nonlocal left
        n = rnd.randint(0, left) if rnd.random() < chance else 0
        left -= n
        return n
    u['cache_read'] = part(.6)
    u['cache_write'] = part(.4)
    u['cache_write_1h'] = rnd.randint(0, u['cache_write']) if rnd.random() < .5 else 0
    audio, image = part(.1), part(.1)
    u['cache_read_audio'] = rnd.randint(0, u['cache_read']) if rnd.random() < .1 else 0
    u['cache_read_image'] = rnd.randint(0, u['cache_read'] - u['cache_read_audio']) if rnd.random() < .1 else 0
    u['input_audio'], u['input_image'] = audio + u['cache_read_audio'], image + u['cache_read_image']
    left = u['output'] = rnd.randint(0, 200000)
    u['output_audio'], u['output_image'] = part(.05), part(.05)
    u['reasoning'] = part(.5)
    for name in ('web_searches', 'images', 'search_units', 'audio_ms'):
        u[name] = rnd.randint(0, 100000 if name == 'audio_ms' else 20) if rnd.random() < .1 else 0
    return u


def random_call(rnd, entry):
    providers = entry['provider'] if isinstance(entry['provider'], list) else [entry['provider']]
    names = [entry['model']] + entry.get('names', []) + ([entry['exact']] if isinstance(entry.get('exact'), str) else entry.get('exact', []))
    at = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(minutes=rnd.randint(0, 60 * 24 * 800))
    period = rnd.choice(entry['prices'] if isinstance(entry['prices'], list) else [entry['prices']])
    call = {'provider': rnd.choice(providers), 'model': rnd.choice(names), 'at': at.isoformat(), 'usage': random_usage(rnd)}
    if rnd.random() < .4:
        call['tier'] = rnd.choice(list(period.get('tiers', {})) + ['nosuch'])
    if rnd.random() < .4:
        call['geo'] = rnd.choice(['us', 'eu', 'global', 'us-east5'])
    return call


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10 ** 9)
    rnd = random.Random(seed)
    entries = [e for e in read_table()['models'] if 'any' not in e]
    # each at least once, the rest by chance
    chosen = (entries + [rnd.choice(entries) for _ in range(max(0, count - len(entries)))])[:max(count, 1)]
    calls = [random_call(rnd, e) for e in chosen]
    env = dict(os.environ, SONDE_PRICES='', XDG_CONFIG_HOME='/nonexistent')
    out = subprocess.run([os.environ.get('SONDE', 'build/sonde'), 'prices', 'cost'], text=True, env=env, check=True,
                         input=''.join(json.dumps(c) + '\n' for c in calls), stdout=subprocess.PIPE).stdout.splitlines()
    priced = bad = 0
    for entry, call, line in zip(chosen, calls, out, strict=True):
        got = json.loads(line)
        try:
            want = cost(entry, call)
        except Unpriced as e:
            want = str(e)
        priced += isinstance(want, Decimal)
        if isinstance(want, Decimal) != ('cost_usd' in got) or isinstance(want, Decimal) and Decimal(got['cost_usd']) != want:
            bad += 1
            if bad <= 10:
                print('want', want, 'got', line, 'for', json.dumps(call))
    print('seed %d: %d calls of %d models, %d priced, %d differ' % (seed, len(calls), len(entries), priced, bad))
    return 1 if bad or not priced else 0


if __name__ == '__main__':
    sys.exit(main())
