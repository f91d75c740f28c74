# SPDX-License-Identifier: BSD-2-Clause
# Everything is built under build/. `make help` lists the targets, `make V=1` shows commands.

B       := build$(if $(SAN),-$(SAN))
CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG     := libbpf libelf libcjson sqlite3 zlib libbrotlidec libzstd libxxhash nettle ncursesw libcap \
	   libseccomp libsystemd libcrypto libpcre2-8 libnghttp2 inih capstone libmicrohttpd libcurl
ARCH    ?= $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
VERSION := 0.1.0
PREFIX  ?= /usr/local
DESTDIR ?=

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings \
	-Wformat=2 -Wundef -Wpointer-arith -Wimplicit-fallthrough -Werror
SAN_address := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_thread  := -fsanitize=thread

CFLAGS   ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Isrc -I$(B) -DSONDE_VERSION='"$(VERSION)"'
cflags   := -std=gnu17 $(WARN) $(CFLAGS) $(SAN_$(SAN)) -MMD -MP
# Recursive, so that pkg-config is asked only when something links: `make deps` needs nothing.
# Debian's Zydis has no .pc file.
LDLIBS    = $(shell pkg-config --libs $(PKG)) -lZydis -lm -lpthread

Q   := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(@:$(B)/%=%))

lib_src    := $(filter-out src/cmd/main.c,$(wildcard src/*/*.c src/*/*/*.c))
bpf_src    := $(wildcard bpf/*.bpf.c)
unit_src   := $(wildcard tests/unit/test_*.c)
fuzz_src   := $(wildcard tests/fuzz/fuzz_*.c)
bench_src  := tests/bench/tlsload.c tests/bench/empty.c tests/bench/protocols.c \
	      tests/bench/store.c tests/bench/day.c \
	      tests/bench/exchange_gnutls.c tests/bench/exchange_nss.c tests/bench/build.c
e2e_src    := $(wildcard tests/e2e/*.c)
# What needs no privileges and no kernel: all that a replay runs through. It is what gets fuzzed.
pure_src   := $(wildcard src/base/*.c src/intake/record.c src/intake/event.c src/proc/*.c src/stream/*.c \
	      src/proto/*.c src/llm/*.c src/mcp/*.c src/price/*.c src/policy/*.c src/trace/*.c src/trace/*/*.c src/store/*.c src/store/*/*.c src/cmd/pipeline.c) \
	      $(filter-out src/enrich/api.c src/enrich/enrich.c,$(wildcard src/enrich/*.c)) \
	      $(wildcard src/export/otlp.c src/export/otlp_[cnow]*.c src/export/span_*.c src/export/json_put.c) \
	      $(wildcard src/intake/har*.c src/cmd/import_*.c) \
	      src/api/guard.c src/api/params.c src/api/path.c src/api/private_file.c src/api/secret.c src/api/tokens.c
elf_src    := $(wildcard src/probe/elf/*.c src/probe/finder/*.c)
c_files    := $(shell find src include tests bpf -name '*.[ch]' 2>/dev/null)

lib_obj  := $(lib_src:%.c=$(B)/%.o)
unit_bin := $(unit_src:%.c=$(B)/%)
bench_bin := $(bench_src:%.c=$(B)/%)

all: $(B)/sonde ## build everything

deps: ## install what building and testing need (apt; root)
	$(Q)deploy/deps.sh

$(B)/sonde: $(B)/src/cmd/main.o $(B)/libsonde.a
	$(call say,LINK)
	$(Q)$(CC) $(cflags) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(B)/libsonde.a: $(lib_obj)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(filter $(B)/src/probe/%,$(lib_obj)): | $(if $(bpf_src),$(B)/sonde.skel.h)
$(B)/src/price/builtin.o: src/price/prices.json
$(B)/src/api/routes/openapi.o: src/api/routes/openapi.json
$(B)/src/probe/finder/signatures.o: src/probe/finder/signatures.json

# The web interface, compressed, in the program.
web_src := $(shell find src/web \( -name node_modules -o -name dist \) -prune -o -type f -print)
$(B)/web_files.inc: $(web_src) $(wildcard src/web/dist/.sources)
	$(call say,WEB)
	$(Q)mkdir -p $(@D)
	$(Q)src/web/build.sh $(abspath $(B)/web)
	$(Q)src/web/pack.py $(B)/web $(B)/web-packed $@
$(B)/src/api/web_files.o: $(B)/web_files.inc

$(B)/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(cflags) -c $< -o $@

$(B)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) include/sonde/event.h vmlinux/$(ARCH)/vmlinux.h
	$(call say,BPF)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-declarations \
		-target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Iinclude -Ivmlinux/$(ARCH) -c $< -o $@

# All probe files become one object, so they share maps and there is one skeleton.
$(B)/sonde.skel.h: $(bpf_src:bpf/%.bpf.c=$(B)/%.bpf.o)
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen object $(B)/sonde.o $^
	$(Q)$(BPFTOOL) gen skeleton $(B)/sonde.o name sonde_bpf >$@

# --- tests ---

# Test programs at a time. What is measured in moments wants a quiet machine; `make check` has two of the end-to-end tests at a time.
export JOBS ?= 1

alloc_wrap := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/tests/unit/alloc.o $(B)/libsonde.a
	$(call say,LINK)
	$(Q)$(CC) $(cflags) $(LDFLAGS) $(alloc_wrap) $^ $(LDLIBS) -lcmocka -o $@

$(B)/tests/golden/golden: $(B)/tests/golden/golden.o $(B)/libsonde.a
	$(call say,LINK)
	$(Q)$(CC) $(cflags) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(B)/tests/bench/day: $(B)/tests/bench/day_agent.o
$(B)/tests/bench/store: $(B)/tests/bench/store_grow.o

$(B)/tests/bench/tlsload: $(B)/tests/bench/tlsload.o $(B)/tests/bench/classic.o
	$(call say,LINK)
	$(Q)$(CC) $(cflags) $(LDFLAGS) $^ -lssl -lcrypto -o $@

$(B)/tests/bench/empty $(B)/tests/bench/protocols $(B)/tests/bench/store $(B)/tests/bench/day $(B)/tests/bench/build: $(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/libsonde.a
	$(call say,LINK)
	$(Q)$(CC) $(cflags) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(B)/tests/e2e/traffic_gnutls $(B)/tests/bench/exchange_gnutls: $(B)/tests/%: $(B)/tests/%.o
	$(call say,LINK)
	$(Q)$(CC) $(cflags) $(LDFLAGS) $^ -lgnutls -lpthread -o $@

# NSS' headers are not for -Wstrict-prototypes, nor for an include path of ours.
$(B)/tests/e2e/traffic_nss $(B)/tests/bench/exchange_nss: $(B)/tests/%: tests/%.c
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -Wall -Wextra -Werror $(CFLAGS) $< $(shell pkg-config --cflags --libs nss) -o $@

$(B)/tests/e2e/%: $(B)/tests/e2e/%.o $(B)/libsonde.a
	$(call say,LINK)
	$(Q)$(CC) $(cflags) $(LDFLAGS) $^ $(LDLIBS) -lssl -o $@

# What tests are made of. Benchmarks as well, so that they keep up.
tests-pure: $(B)/sonde $(unit_bin) $(B)/tests/golden/golden
tests: tests-pure $(e2e_src:%.c=$(B)/%) $(bench_bin)

unit: $(unit_bin) ## unit tests; T=name selects
	$(Q)tests/run.sh unit $(if $(T),$(filter %test_$(T),$^),$^)

golden: $(B)/tests/golden/golden ## captured traffic against expected calls
	$(Q)tests/run.sh golden "tests/golden/run.sh $<"

golden-update: $(B)/tests/golden/golden ## rewrite the expectations (then: git diff)
	$(Q)tests/golden/run.sh $< --update

replay: $(B)/sonde ## recorded event files against expected stores
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh replay $(wildcard tests/replay/*.sh)

N ?= 10000
corpus: $(B)/sonde ## N generated cases whose truth is known: how much of it is found, without and with loss
	$(Q)SONDE=$(abspath $(B)/sonde) tests/corpus/corpus.sh $(N)

e2e: $(B)/sonde $(e2e_src:%.c=$(B)/%) ## real probes on real programs (root); T=name selects
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh e2e $(if $(T),tests/e2e/$(T).sh,$(filter-out tests/e2e/lib.sh,$(sort $(wildcard tests/e2e/*.sh))))

browser_all := $(sort $(patsubst tests/browser/%.test.mjs,%,$(wildcard tests/browser/*.test.mjs)))
browser: $(B)/sonde ## the web interface in a real Chromium (root; installs what drives it from npm below build/); T=name selects
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh browser $(foreach t,$(or $(T),$(browser_all)),'tests/browser/suite.sh $t')

package: $(B)/sonde ## the package: installing it and removing it, in a root of its own (root)
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh package tests/package/package.sh

SECONDS ?= 7200
STREAMS ?= 200
soak: $(B)/sonde ## hours in the life of a daemon: nothing grows, nothing is lost or left (root; SECONDS, STREAMS)
	$(Q)SONDE=$(abspath $(B)/sonde) tests/soak/soak.sh $(SECONDS) $(STREAMS)

soak-short: $(B)/sonde ## five minutes of it; part of check
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh soak 'tests/soak/soak.sh 300 40'

check-manifests: $(B)/sonde ## the Helm chart and the manifests against the API server's types (helm, Go 1.23)
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh package tests/package/manifests.sh

check-apiserver: $(B)/sonde $(B)/tests/e2e/enricher ## the manifests and the enricher at a real API server (etcd; Go 1.23 builds the rest, ten minutes and more)
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh package tests/package/apiserver.sh

agents: $(B)/sonde $(e2e_src:%.c=$(B)/%) ## real coding agents, at work and at the terminal (root; installs 2 GB from npm and PyPI below build/)
	$(Q)tests/agents/install.sh build/agents
	$(Q)tests/e2e/clients/install.sh build/clients
	$(Q)tests/agents/rust/build.sh build/agents
	$(Q)tests/agents/otelcol/build.sh build/agents
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh agents $(if $(T),tests/agents/$(T).sh,tests/agents/headless.sh \
		tests/agents/gemini.sh tests/agents/copilot.sh tests/agents/mcp.sh tests/agents/subagents.sh tests/agents/observed.sh tests/agents/bun.sh tests/agents/rustls.sh tests/agents/finders.sh tests/agents/finders_arm64.sh tests/agents/formats.sh tests/agents/otlp.sh tests/agents/first.sh tests/agents/interactive.sh)

vm: $(B)/sonde $(B)/tests/e2e/capture $(B)/tests/e2e/ways $(B)/tests/e2e/watch ## the same job on other kernels, in virtual machines without acceleration; vm-systemd: the package there
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh vm 'tests/vm/vm.sh bullseye refused' 'tests/vm/vm.sh bookworm' \
		'tests/vm/vm.sh trixie' 'tests/vm/vm.sh bookworm files' 'tests/vm/vm.sh trixie files' \
		'tests/vm/vm.sh bookworm host' 'tests/vm/vm.sh trixie host' \
		'tests/vm/vm.sh bookworm privileges' 'tests/vm/vm.sh trixie privileges' \
		'tests/vm/vm.sh trixie-backports' tests/vm/arm64.sh

vm-systemd: $(B)/sonde ## the package under systemd, in a virtual machine: unit, journal, watchdog, upgrade, purge (root; not part of check)
	$(Q)SONDE=$(abspath $(B)/sonde) tests/run.sh vm tests/vm/systemd.sh

check: deps ## install, build and run every test
	$(Q)tests/check.sh

demo: ## install what the build needs, build, trace the bundled demo agent
	$(Q)deploy/deps.sh build
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all
	$(Q)SONDE=$(abspath $(B)/sonde) tests/demo/demo.sh

bench: $(B)/sonde $(bench_bin) ## what tracing costs and how fast replay is (root); T=day: memory over a day; T=store N=10000000: lists; T=web: API and pages; T=subscribers: many who watch
	$(Q)$(if $(filter web subscribers,$(T)),SONDE=$(abspath $(B)/sonde) tests/bench/$(T).sh $(if $(filter command% environment%,$(origin N)),$(N)),$(if $(T),$(B)/tests/bench/$(T) $(if $(filter command% environment%,$(origin N)),$(N)),SONDE=$(abspath $(B)/sonde) BENCH=$(abspath $(B)/tests/bench) tests/bench/bench.sh))

# --- fuzzing ---

fuzzers := $(fuzz_src:tests/fuzz/%.c=build-fuzz/%)
fuzz_flags := -std=gnu17 -g -O1 -fsanitize=address,undefined
build-fuzz/obj/%.o: %.c
	$(call say,FUZZ)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(fuzz_flags) -fsanitize=fuzzer-no-link $(CPPFLAGS) -MMD -MP -c $< -o $@

build-fuzz/libpure.a: $(patsubst %.c,build-fuzz/obj/%.o,$(pure_src) $(elf_src))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

build-fuzz/%: tests/fuzz/%.c build-fuzz/libpure.a
	$(call say,LINK)
	$(Q)$(CLANG) $(fuzz_flags) -fsanitize=fuzzer $(CPPFLAGS) $^ $(LDLIBS) -o $@

FUZZ_SECS ?= 60
fuzz: $(fuzzers) ## run every fuzzer for FUZZ_SECS; inputs found stay in build-fuzz/corpus
	$(Q)for f in $^; do n=$${f##*/fuzz_}; mkdir -p build-fuzz/corpus/$$n tests/fuzz/seeds/$$n; \
		$$f -max_total_time=$(FUZZ_SECS) -print_final_stats=0 build-fuzz/corpus/$$n tests/fuzz/seeds/$$n || exit; done

# --- keeping it in shape ---

format: ## rewrite the sources with clang-format
	$(Q)clang-format -i $(c_files)

lint: $(B)/sonde.skel.h $(B)/web_files.inc ## format, layering, size, clang-tidy, gcc -fanalyzer, cppcheck, spelling, shell (long)
	$(Q)tests/lint/lint.sh '$(CPPFLAGS)'

lint-quick: $(B)/sonde.skel.h $(B)/web_files.inc ## the same without what takes minutes; part of check
	$(Q)tests/lint/lint.sh '$(CPPFLAGS)' quick

install: $(B)/sonde ## install below DESTDIR and PREFIX
	$(Q)deploy/install.sh install $(B)/sonde $(PREFIX) $(DESTDIR)

uninstall: ## remove what install put there; configuration and data stay
	$(Q)deploy/install.sh uninstall $(PREFIX) $(DESTDIR)

purge: ## these as well, and the user
	$(Q)deploy/install.sh purge $(PREFIX) $(DESTDIR)

deb: $(B)/sonde ## the Debian package, in build/
	$(Q)deploy/deb/build.sh $(B)/sonde $(VERSION) $(B)

web-dist: ## src/web/dist: with it, building needs no node
	$(Q)src/web/build.sh --dist

dist: web-dist ## the release: sources with the web interface built, in build/
	$(Q)mkdir -p $(B)
	$(Q)deploy/dist.sh $(VERSION) $(B)

image: web-dist ## the container image (buildah, podman or docker; BASE: what it is built on)
	$(Q)deploy/image/build.sh sonde:$(VERSION) $(BASE)

manifests: ## the plain Kubernetes manifests, of the Helm chart (helm)
	$(Q)deploy/manifests/make.sh

clean: ## remove what was built
	$(Q)rm -rf build build-*

help: ## this list
	$(Q)awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all deps tests tests-pure unit golden golden-update replay corpus e2e browser package agents vm vm-systemd check demo bench fuzz format lint lint-quick \
	install uninstall purge deb web-dist dist image manifests check-manifests check-apiserver soak soak-short clean help
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(B) build-fuzz -type f -name '*.d' 2>/dev/null)
