# Everything that a fresh clone needs: `make demo` and `make test` need no other step.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
DESTDIR ?=
TOOLS := .tools
BINARY := .build/release/flowdex
TEST_LOG := .build/test.log
# Where Debian's zsh looks for what a package brings, and what a person has installed.
ZSH := zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
SHARED := man/man1 bash-completion/completions $(ZSH) fish/vendor_completions.d
# One binary without a Swift runtime beside it; -no-pie starts a third faster (docs/architecture.md, Decisions).
RELEASE := -c release --product flowdex --static-swift-stdlib -Xswiftc -Xclang-linker -Xswiftc -no-pie
# The session needs Deno 2.9 or later; yours, if you name it.
export FLOWDEX_DENO ?= $(CURDIR)/$(TOOLS)/bin/deno

.PHONY: help setup build install install-files deb demo test test-ui torture swarm drops replay fuzz sanitize bench lint format clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

setup: $(TOOLS)/.setup ## install what is missing: SQLite and inotifytools headers, Deno 2.9

$(TOOLS)/.setup: Makefile
	@mkdir -p $(TOOLS)
	@command -v swift >/dev/null || { echo 'make: there is no `swift`: install Swift 6.3 from swift.org' >&2; exit 1; }
	@missing=(); \
	has() { echo "#include <$$1>" | clang -E - >/dev/null 2>&1; }; \
	has sqlite3.h || missing+=(libsqlite3-dev); \
	has inotifytools/inotifytools.h || missing+=(libinotifytools0-dev); \
	command -v python3 >/dev/null || missing+=(python3); \
	if [ $${#missing[@]} -gt 0 ]; then $(call APT,"$${missing[@]}"); fi
	@command -v tmux >/dev/null || ( $(call APT,tmux) ) || echo 'make: there is no tmux: the screens of watch are not captured'
	@compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || ( $(call APT,libfaketime) ) || \
	  echo 'make: there is no libfaketime: the swarm runs without clock jumps'
	@command -v bindfs >/dev/null || ( $(call APT,bindfs) ) || echo 'make: there is no bindfs: the test behind a FUSE mount is left out'
	@missing=(); for tool in curl zsh fish; do command -v $$tool >/dev/null || missing+=($$tool); done; \
	if [ $${#missing[@]} -gt 0 ]; then $(call APT,"$${missing[@]}"); fi
	@if [ "$$FLOWDEX_DENO" != "$(CURDIR)/$(TOOLS)/bin/deno" ]; then \
	  "$$FLOWDEX_DENO" --version | head -n 1; \
	elif ! $(TOOLS)/bin/deno --version >/dev/null 2>&1; then \
	  $(DENO); \
	  mkdir -p $(TOOLS)/bin; \
	  ln -sfn ../deno-pkg/bin/deno $(TOOLS)/bin/deno; \
	  $(TOOLS)/bin/deno --version | head -n 1; \
	fi
	@touch $@

# Debian packages, as root or through sudo; an old package list is refreshed once.
define APT
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	command -v apt-get >/dev/null || { echo "make: please install" $(1) "(or what your system calls them)" >&2; exit 1; }; \
	echo "make: installing" $(1); \
	$$sudo apt-get install -y -q --no-install-recommends $(1) >/dev/null 2>&1 || \
	  { $$sudo apt-get update -q >/dev/null && $$sudo apt-get install -y -q --no-install-recommends $(1) >/dev/null; }
endef

# Deno comes as a Python wheel, so one pip is all there is to ask for; where there is none, a venv brings its own.
define DENO
	if ! $(TOOLS)/deno-pkg/bin/deno --version >/dev/null 2>&1; then \
	  echo 'make: installing Deno into $(TOOLS)'; \
	  pip=(python3 -m pip); \
	  if ! python3 -m pip --version >/dev/null 2>&1; then \
	    python3 -m venv $(TOOLS)/venv >/dev/null 2>&1 || { $(call APT,python3-pip python3-venv); python3 -m venv $(TOOLS)/venv; }; \
	    pip=($(TOOLS)/venv/bin/python -m pip); \
	  fi; \
	  "$${pip[@]}" install --quiet --disable-pip-version-check --root-user-action=ignore \
	    --upgrade --target $(TOOLS)/deno-pkg 'deno>=2.9,<3' || \
	    { echo 'make: pip could not install `deno`: get Deno 2.9 or later, and name it in FLOWDEX_DENO' >&2; exit 1; }; \
	fi
endef

build: setup ## build the release binary, .build/release/flowdex
	swift build $(RELEASE)

install: build ## copy it to $(DESTDIR)$(PREFIX), with man pages and completions; it finds Deno on PATH or in FLOWDEX_DENO
	@$(MAKE) --no-print-directory install-files

# What `install` and `deb` share, for whatever binary BINARY names.
install-files:
	install -d $(DESTDIR)$(PREFIX)/bin $(addprefix $(DESTDIR)$(PREFIX)/share/,$(SHARED))
	install -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/flowdex
	python3 -B docs/packaging/man.py $(BINARY) $(DESTDIR)$(PREFIX)/share/man/man1
	$(BINARY) --generate-completion-script bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/flowdex
	$(BINARY) --generate-completion-script zsh > $(DESTDIR)$(PREFIX)/share/$(ZSH)/_flowdex
	$(BINARY) --generate-completion-script fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/flowdex.fish

deb: build ## make a Debian package of it for this machine, under .build
	@docs/packaging/deb.sh $(BINARY) .build

demo: build ## audit flowdex's own sources and those of a dependency, with four workers
	@examples/demo.sh $(BINARY)

test: setup ## run every test; the runner's closing lines come last
	@mkdir -p .build
	swift build --build-tests
	FLOWDEX=.build/debug/flowdex python3 -B -m unittest -q Tests/Torture/tests.py
	python3 -B Tests/Torture/torture.py .build/debug/flowdex slice $(if $(SEED),--seed $(SEED))
	python3 -B Tests/Torture/swarm.py .build/debug/flowdex --seeds 20 --seconds 0.6 --jobs 4
	swift test --disable-xctest 2>&1 | tee $(TEST_LOG)

test-ui: setup ## look at a report's HTML page in headless Chromium, with hostile text in it
	@command -v chromium >/dev/null || { $(call APT,chromium fonts-dejavu-core); }
	swift build --product flowdex
	python3 -B Tests/Ui/ui.py .build/debug/flowdex

# By another name, so that `make -n` runs nothing.
PART = $(MAKE) --no-print-directory

# The sweep comes first; then the other parts, each whether or not another has failed.
torture: build ## kill and fail flowdex at every call, in parts: POINTS=n more, SEED=, SCENARIO=
	@failed=(); \
	python3 -B Tests/Torture/torture.py $(BINARY) full $(if $(POINTS),--points $(POINTS)) $(if $(SEED),--seed $(SEED)) \
	  $(addprefix --scenario ,$(SCENARIO)) || failed+=(sweep); \
	for part in fuzz sanitize replay swarm drops; do $(PART) $$part || failed+=($$part); done; \
	if [ $${#failed[@]} -gt 0 ]; then echo "make: of the torture have failed: $${failed[*]}" >&2; exit 1; fi

bench: build $(TOOLS)/bench/.setup ## measure flowdex beside floors and peers; BENCH=name for one (docs/performance.md)
	python3 -B Benchmarks/bench.py $(BENCH)
	python3 -B Benchmarks/report.py

# Peers come from Debian and, in an environment of their own, from PyPI.
$(TOOLS)/bench/.setup: Benchmarks/requirements.txt
	@mkdir -p $(TOOLS)/bench
	@missing=(); for program in parallel nq; do command -v $$program >/dev/null || missing+=($$program); done; \
	command -v tsp >/dev/null || missing+=(task-spooler); \
	if [ $${#missing[@]} -gt 0 ]; then $(call APT,"$${missing[@]}"); fi
	@[ -e $(TOOLS)/bench/venv/bin/pip ] || python3 -m venv $(TOOLS)/bench/venv >/dev/null 2>&1 || \
	  { $(call APT,python3-pip python3-venv); python3 -m venv $(TOOLS)/bench/venv; }
	@$(TOOLS)/bench/venv/bin/pip install --quiet --disable-pip-version-check -r Benchmarks/requirements.txt
	@touch $@

# What follows are parts of `make torture`, each of which may be run by itself.

swarm: build ## many processes at one run, from seeded scripts: SEEDS=n, FROM=seed, JOBS=at once; goes on where it was stopped
	python3 -B Tests/Torture/swarm.py $(BINARY) --seeds $(or $(SEEDS),10000) --from $(or $(FROM),1) \
	  --jobs $(or $(JOBS),6) --done .build/swarm
	swift build --product flowdex
	for safeguard in no-guard no-token; do \
	  python3 -B Tests/Torture/swarm.py .build/debug/flowdex --without $$safeguard --seeds 300 --jobs $(or $(JOBS),6); \
	done

drops: setup ## more results at once than the kernel tells of: DROPS=n
	FLOWDEX_DROPS=$(or $(DROPS),20000) swift test --disable-xctest --filter QueueRunnerTests.DropWatcherTests/flood

replay: setup ## histories and random workflows, replayed, and killed: REPLAYS=n, WORKFLOWS=n, KILLED=n, FROM=seed
	FLOWDEX_REPLAYS=$(or $(REPLAYS),1000) FLOWDEX_WORKFLOWS=$(or $(WORKFLOWS),1000) FLOWDEX_SEED=$(or $(FROM),1) \
	  swift test --disable-xctest --filter RuntimeTests.DeterminismTests
	FLOWDEX_KILLED=$(or $(KILLED),500) FLOWDEX_SEED=$(or $(FROM),1) \
	  swift test --disable-xctest --filter RuntimeTests.KilledWorkflowTests

fuzz: setup ## fuzz what reads from outside, each SECONDS=60; what is found joins Tests/Fuzz/Corpus
	FLOWDEX_SANITIZER=fuzzer swift build -c release --product fuzz --scratch-path .build/fuzz \
	  -Xswiftc -enable-testing -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld
	@for target in result workflow manifest patch; do \
	  echo "fuzz: $$target"; mkdir -p .build/fuzz/found/$$target; \
	  keep() { Tests/Fuzz/keep.sh .build/fuzz/release/fuzz $$target .build/fuzz/found/$$target Tests/Fuzz/Corpus/$$target; }; \
	  FUZZ_TARGET=$$target SWIFT_BACKTRACE=enable=no .build/fuzz/release/fuzz -max_total_time=$(or $(SECONDS),60) \
	    -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -artifact_prefix=.build/fuzz/$$target- \
	    .build/fuzz/found/$$target Tests/Fuzz/Corpus/$$target 2>.build/fuzz/$$target.log || \
	    { tail -n 20 .build/fuzz/$$target.log >&2; keep; exit 1; }; \
	  grep -E 'number_of_executed_units|new_units_added' .build/fuzz/$$target.log; keep; \
	done

sanitize: setup ## the suites of the two libraries under the thread and the address sanitizer
	@for sanitizer in thread address; do \
	  FLOWDEX_SANITIZER=$$sanitizer ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=halt_on_error=0:exitcode=66 \
	    swift test --disable-xctest --sanitize=$$sanitizer --scratch-path .build/$$sanitizer \
	    --filter QueueRunnerTests --filter RuntimeTests; \
	done

lint: ## check formatting and documentation
	swift format lint --strict --recursive Package.swift Sources Tests

format: ## format in place
	swift format --in-place --recursive Package.swift Sources Tests

clean: ## remove what was built; what `setup` installed stays
	@[ ! -e .demo ] || chmod -R u+w .demo
	rm -rf .build .demo
