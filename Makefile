# The short way to everything; CMakeLists.txt and CMakePresets.json are the long one.

PREFIX ?= /usr/local
BUILD  := build

## build: configure and build everything into build/ (the default)
.PHONY: build
build:
	@cmake --preset plain
	@cmake --build --preset plain

## demo: install what is missing, build, and show what it is about in 20 seconds
.PHONY: demo
demo:
	@./scripts/install-needed.sh build
	@cmake --preset plain
	@cmake --build --preset plain --target lifeguard_cli
	@sh scripts/demo.sh

## check: install what is missing, build, and run all tests
.PHONY: check
check:
	@echo "check: installs missing packages, builds into $(BUILD)/, runs all tests (a few minutes)"
	@./scripts/install-needed.sh build check
	@$(MAKE) --no-print-directory build
	@ctest --preset plain

SECONDS ?= 60

## fuzz: run each fuzz target under libFuzzer for SECONDS (default 60); TARGET=name for one only
.PHONY: fuzz
fuzz:
	@./scripts/install-needed.sh build fuzz
	@cmake --preset fuzz
	@cmake --build --preset fuzz
	@sh scripts/fuzz.sh $(SECONDS) $(TARGET)

## bench: install what is missing of the peers, build and measure; JSON=FILE also writes to FILE
.PHONY: bench
bench:
	@./scripts/install-needed.sh build
	@./scripts/install-needed.sh bench || echo "bench: peers that are missing are skipped"
	@$(MAKE) --no-print-directory build
	@sh bench/peers/fetch-node.sh $(BUILD)/bench/peers
	@$(BUILD)/bench/bench $(if $(JSON),--json $(JSON))

## install: copy to PREFIX (default /usr/local), below DESTDIR if that is set
.PHONY: install
install:
	@cmake --preset plain -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	@cmake --build --preset plain --target installed
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD)

## uninstall: remove exactly the files that the last install copied
.PHONY: uninstall
uninstall:
	@test -f $(BUILD)/install_manifest.txt || { echo "uninstall: nothing was installed" >&2; exit 1; }
	@while read -r file || [ -n "$$file" ]; do rm -fv "$(DESTDIR)$$file"; done \
	    < $(BUILD)/install_manifest.txt

# FORMAT is replaced by whoever wants to look without changing anything.
FORMAT ?= -i

## format: lay out all C files as .clang-format says
.PHONY: format
format:
	@find include src cli tests bench examples -name '*.[ch]' 2> /dev/null | sort \
	    | xargs -r clang-format $(FORMAT)

## clean: remove build/
.PHONY: clean
clean:
	@rm -rf $(BUILD)

## help: this list
.PHONY: help
help:
	@awk -F ': ' '/^## / { printf "make %-10s %s\n", substr($$1, 4), $$2 }' Makefile
