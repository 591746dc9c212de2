# make check is all that continuous integration runs. Anything longer than five lines lives in tools/.

export PKG_CONFIG_PATH := $(CURDIR)/.tools/pkgconfig:$(PKG_CONFIG_PATH)
export IPFS_KIT_TEST_PYTHON := $(CURDIR)/.tools/venv/bin/python

SWIFT_BUILD := swift build --explicit-target-dependency-import-check error
LINTED := Sources Tests Examples Package.swift
PREFIX ?= /usr/local
SECONDS_EACH ?= 60

.PHONY: build release test test-kubo test-servers nightly mutants fresh sanitize fuzz format lint docs check demo \
	bench install clean setup setup-test

build: setup
	@$(SWIFT_BUILD) --product ipfs-kit
	@$(SWIFT_BUILD) --product ipfskit-parquet
	@tools/setup link-arrow "$$(swift build --show-bin-path)"

release: setup
	@$(SWIFT_BUILD) -c release --static-swift-stdlib --product ipfs-kit
	@$(SWIFT_BUILD) -c release --product ipfskit-parquet
	@tools/link-parquet "$$(swift build -c release --show-bin-path)"
	@tools/setup copy-arrow "$$(swift build -c release --show-bin-path)"

test: setup-test release
	@$(SWIFT_BUILD) -c release --static-swift-stdlib --product kit-mutate
	@$(SWIFT_BUILD) --build-tests
	@tools/setup link-arrow "$$(swift build --show-bin-path)"
	@bin="$$(swift build -c release --show-bin-path)" && \
		IPFS_KIT_BINARY="$$bin/ipfs-kit" IPFS_KIT_MUTATE="$$bin/kit-mutate" tools/test

test-kubo: export IPFS_KIT_MUST_RUN = kubo
test-kubo: release
	@tools/setup kubo
	@$(SWIFT_BUILD) --build-tests
	@tools/setup link-arrow "$$(swift build --show-bin-path)"
	@IPFS_KIT_BINARY="$$(swift build -c release --show-bin-path)/ipfs-kit" tools/test EndToEndTests.KuboTests

test-servers: export IPFS_KIT_MUST_RUN = all
test-servers: test

nightly: export IPFS_KIT_FAULTS ?= all
nightly: export IPFS_KIT_KILLS ?= 2000
nightly: export IPFS_KIT_DAMAGES ?= 10000
nightly: export IPFS_KIT_STRESS ?= 60
nightly: setup-test release
	@$(SWIFT_BUILD) --build-tests
	@tools/setup link-arrow "$$(swift build --show-bin-path)"
	@IPFS_KIT_BINARY="$$(swift build -c release --show-bin-path)/ipfs-kit" tools/test AdversityTests

mutants: setup-test
	@tools/mutants $(ARGS)

fresh:
	@tools/fresh

sanitize: setup-test
	@tools/sanitize

fuzz: setup
	@echo "Each target runs for $(SECONDS_EACH) seconds; SECONDS_EACH=600 makes it longer."
	@tools/fuzz $(SECONDS_EACH) $(TARGETS)

format:
	@swift format --in-place --recursive $(LINTED)

lint:
	@swift format lint --strict --recursive $(LINTED)

docs: build
	@"$$(swift build --show-bin-path)/ipfs-kit" help --documents docs

# Where the machine lets nobody mount anything, what is mounted is not tried.
check: export IPFS_KIT_MUST_RUN = \
	aria2,s3,radosgw,seaweedfs,proxy,parquet,ftp,sftp,webdav,nextcloud,annex,gateway-simulator,cluster-simulator,\
	pinning-simulator$(shell : 2> /dev/null < /dev/fuse && echo ,sshfs)
check:
	@$(MAKE) --no-print-directory lint docs
	@git diff --exit-code -- docs
	@$(MAKE) --no-print-directory test

demo: release
	@tools/setup demo
	@tools/demo "$$(swift build -c release --show-bin-path)/ipfs-kit"

bench: release
	@tools/setup demo
	@$(SWIFT_BUILD) -c release --static-swift-stdlib --product kit-bench
	@"$$(swift build -c release --show-bin-path)/kit-bench" $(ARGS)

install: release
	@tools/install "$$(swift build -c release --show-bin-path)" "$(DESTDIR)$(PREFIX)"

clean:
	@rm -rf .build

setup:
	@tools/setup build

setup-test:
	@tools/setup test
