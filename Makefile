# make demo    detonate a harmless example and show what it did
# make test    all tests
# make bench   the table of docs/performance.md, measured here
# make dist    one static binary with all that belongs to it, below dist/
# Each installs what it lacks by scripts/setup.sh, which says what it does.

.PHONY: demo test bench dist

demo:
	@scripts/setup.sh demo
	cargo build
	"$${CARGO_TARGET_DIR:-target}"/debug/detektr detonate examples/demo/demo.sh

test:
	@scripts/setup.sh test
	scripts/test.sh

bench:
	@scripts/setup.sh bench
	cargo build --release --package detektr --package detektr-bench
	PATH="$$PATH:$$PWD/target/bench-tools/nginx/usr/sbin" RSIGMA="$$PWD/target/bench-tools/bin/rsigma" SIGMA_RULES="$${SIGMA_RULES:-$$PWD/../shared/data/sigma-linux}" \
		"$${CARGO_TARGET_DIR:-target}"/release/detektr-bench

dist:
	@scripts/setup.sh dist
	scripts/dist.sh
