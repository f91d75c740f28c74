"""Every theme by its name, with how often it comes beside the others."""

THEMES = {}


def theme(weight=1):
    def add(f):
        THEMES[f.__name__] = (weight, f)
        return f

    return add


def pick(s, kinds):
    return s.rng.choice(kinds)()
