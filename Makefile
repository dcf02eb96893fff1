# make test         everything: formatting, vet, staticcheck, all tests with the
#                   race detector, and the real Dovecot, Postfix, Exim, Cyrus,
#                   nginx, Kannel and Chromium. As root on Debian 12; installs
#                   what is missing.
#                   "go test ./..." alone works anywhere.
# make fuzz         every fuzz target for FUZZTIME
# make bench        latchkey beside Dovecot's own auth service -> BENCHMARKS.md
# make bench-curve  from a thousand to ten million accounts: an hour, 15 GB
# make bench-long   twice ten minutes without a pause
# make profile      where the time of a login goes
# make screenshots  the portal's pictures that README shows -> examples/screenshots
# make build        the program, in .build/

export PATH := $(PATH):/usr/local/go/bin

STATICCHECK = go tool -modfile=.ci/tools.mod staticcheck
FUZZTIME = 10s

.PHONY: test check build bench bench-curve bench-long profile screenshots fuzz

# Two tests measure memory, which the race detector changes, and run without it.
# The last command is go test: whoever reads the end of the output sees its
# summary.
test: install check
	go test -run 'TestLoginAllocations|TestWorkerStaysSmall' ./daemon ./daemon/hasher
	LATCHKEY_REQUIRE_PEERS=1 go test -race -count=1 -timeout 30m ./...

.PHONY: install
install:
	.ci/install

check:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || \
		{ echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; } >&2
	go mod tidy -diff
	go vet ./...
	$(STATICCHECK) ./...

build:
	CGO_ENABLED=0 go build -trimpath -o .build/latchkey .

bench: install
	.ci/bench

bench-curve: install
	.ci/bench -part curve

bench-long: install
	.ci/bench -part long

profile: install
	.ci/profile

# The pictures of all pages are in .build/screenshots then.
screenshots: install
	LATCHKEY_REQUIRE_PEERS=1 LATCHKEY_SCREENSHOTS=$(CURDIR)/examples/screenshots \
		go test -count=1 -timeout 30m -run '^TestWalk$$' ./examples

fuzz:
	.ci/fuzz $(FUZZTIME)
