# The two commands are `make demo` and `make test`. Everything else is for those who change devproof.
SHELL := bash
.DELETE_ON_ERROR:
.PHONY: demo test test-contracts test-rust test-pages test-rest lint coverage prove soak bench artifacts snapshots reference fuzz setup tools clean

# Play half a year of a product's life, index it, ask about it, serve it. ARGS=--once does not stay.
demo: tools
	cargo run --quiet --package devproof --example demo -- $(ARGS)

test: setup test-contracts test-rust test-pages test-rest

# --force: with dynamic test linking an incremental run was seen to pass on bytecode of before.
# A gas figure that differs from its committed snapshot fails.
test-contracts: tools
	FORGE_SNAPSHOT_CHECK=true bin/forge test --force

test-rust: setup
	if command -v cargo-nextest >/dev/null; then cargo nextest run --workspace --no-fail-fast; \
	else cargo test --workspace --no-fail-fast; fi

# The pages of the demo in a real browser. Skipped, and said so, where there is none; DEVPROOF_REQUIRE_BROWSER=1 fails then.
test-pages: setup
	bin/test-pages

# What the OpenAPI document says against what the service does, by requests that it makes up.
test-rest: setup
	bin/test-rest

# Chains that fork, shrink and are read through nodes that fail and lie, for half an hour; then a thousand kills, half of
# them on each database; then every step of an operator, interrupted at each question. Ends by itself after an hour or so.
soak: export DEVPROOF_SOAK_SECONDS ?= 1800
soak: export DEVPROOF_KILLS ?= 500
soak: export DEVPROOF_EACH ?= 1
soak: setup
	cargo test --package devproof-indexer --test chaos -- --nocapture for_as_long_as_it_is_told
	cargo test --package devproof --test operations -- --nocapture kills
	cargo test --package devproof --test operator -- --nocapture at_each_question

lint:
	bin/setup lint
	bin/forge fmt --check
	bin/trees
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	# As it is built for use: what only tests turn on is off.
	cargo clippy --package devproof --bins -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps --quiet

# Fails under 100 % of lines and branches of the contracts that are deployed.
coverage: tools
	bin/coverage

# The symbolic proofs, slither, and every mutant of the contracts (hours, resumable); docs/proofs.md.
# ARGS=quick is what CI runs.
prove: tools
	bin/prove $(ARGS)

# Ratios measured in one run; see docs/benchmarks.md for how to read them.
bench: tools
	cargo bench --package devproof-attestation --bench verify
	cargo bench --package devproof-store --bench store
	cargo bench --package devproof --bench index
	cargo bench --package devproof --bench http

# Every parser of foreign bytes under libFuzzer, ten minutes each; TARGETS names some, SECONDS_EACH says how long. The instrumentation is
# not stable: RUSTC_BOOTSTRAP has the stable compiler take it, so that nobody needs another one.
TARGETS ?= $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs)))
SECONDS_EACH ?= 600
fuzz: export RUSTC_BOOTSTRAP = 1
fuzz: export PATH := $(CURDIR)/target/tools/bin:$(PATH)
fuzz:
	bin/setup fuzz
	for target in $(TARGETS); do mkdir -p fuzz/corpus/$$target; \
	cargo fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(SECONDS_EACH) -rss_limit_mb=1024 || exit 1; done

# Write the committed artifacts (ABI, code, storage layout) anew after a change of the contracts.
artifacts: tools
	DEVPROOF_BLESS=1 cargo test --quiet --workspace --test artifacts

# Write the reference of the command line (docs/cli.md, docs/schemas.json) anew.
reference:
	DEVPROOF_BLESS=1 cargo test --quiet --workspace --test suite the_committed_

# Write the committed gas figures anew; look at the difference before committing it.
snapshots: tools
	bin/forge test --force --match-contract Gas

setup:
	bin/setup

tools:
	bin/setup tools

clean:
	rm -rf target out cache node_modules
