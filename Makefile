# crumb: `make run` tries it, `make test` proves it, `make help` lists the rest.
#
# One file, not recursive. Each folder of src/ is a layer and becomes one static library; src/server and
# src/cli become the two programs. A new .c file or unit test is found by its place: nothing to add here.
#
#   make SAN=address,undefined   builds with sanitizers into build/address,undefined
#   make DEBUG=1                 no optimisation
#   make V=1                     shows the commands

CC      ?= cc
SAN     ?=
DEBUG   ?=
BUILD   ?= build$(if $(SAN),/$(SAN))
PREFIX  ?= /usr/local
DESTDIR ?=

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wconversion -Wno-sign-conversion
CFLAGS   ?= $(if $(DEBUG),-O0,-O2) -g
CPPFLAGS += -D_GNU_SOURCE -Iinclude -I$(BUILD)/gen
HARDEN   := -fstack-protector-strong $(if $(SAN)$(DEBUG),,-D_FORTIFY_SOURCE=2) -fPIE
ALL_CFLAGS := -std=c11 $(CFLAGS) $(WARN) $(HARDEN) -pthread $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
ALL_LDFLAGS := $(LDFLAGS) -pthread -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN))

Q    := $(if $(V),,@)
show = $(if $(V),,@printf '  %-6s %s\n' $(1) $@)
pkg  = $(shell pkg-config $(1) $(2) 2>/dev/null)

# ---- libraries, by the layer that wraps them ---------------------------------------------------------------------
BASE_LIBS   = $(call pkg,--libs,libsodium libxxhash)
MODEL_LIBS  = $(call pkg,--libs,yaml-0.1 libmaxminddb jansson libpcre2-8)
# ISA-L where it exists (amd64, arm64), libdeflate where it is installed; zlib does the same job everywhere else.
HAVE_ISAL  := $(if $(NO_ISAL),,$(shell pkg-config --exists libisal 2>/dev/null && echo 1))
HAVE_LIBDEFLATE := $(if $(NO_LIBDEFLATE),,$(shell pkg-config --exists libdeflate 2>/dev/null && echo 1))
STORE_LIBS  = -lz $(if $(HAVE_ISAL),$(call pkg,--libs,libisal)) $(if $(HAVE_LIBDEFLATE),$(call pkg,--libs,libdeflate))
SERVER_LIBS = $(call pkg,--libs,libevent_core)
REPORT_LIBS = $(call pkg,--libs,libpsl smartcols) -lm
CPPFLAGS   += $(if $(HAVE_ISAL),-DHAVE_ISAL=1) $(if $(HAVE_LIBDEFLATE),-DHAVE_LIBDEFLATE=1)

# llhttp: a shared library in later Debian releases, C sources (package node-llhttp) in Debian 12.
ifeq ($(shell pkg-config --exists libllhttp 2>/dev/null && echo 1),1)
SERVER_LIBS   += $(call pkg,--libs,libllhttp)
LLHTTP_CFLAGS := $(call pkg,--cflags,libllhttp)
LLHTTP_OBJ    :=
else
LLHTTP_SRC    := /usr/share/llhttp
LLHTTP_CFLAGS := -isystem /usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1
LLHTTP_OBJ    := $(patsubst %,$(BUILD)/llhttp/%.o,api http llhttp)
endif

# ---- layers ------------------------------------------------------------------------------------------------------
LAYERS := base model store report server cli
objects = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/$(1)/*.c))
lib     = $(BUILD)/libcrumb_$(1).a

CRUMBD := $(BUILD)/crumbd
CRUMB  := $(BUILD)/crumb

.DEFAULT_GOAL := all
all: $(CRUMBD) $(CRUMB)

# A layer's main.c belongs to its program, not to its library, so that tests can link the rest.
define layer_rule
$(call lib,$(1)): $(filter-out %/main.o,$(call objects,$(1)))
	@mkdir -p $$(@D)
	$$(call show,AR)
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
endef
$(foreach layer,$(LAYERS),$(eval $(call layer_rule,$(layer))))

$(CRUMBD): $(BUILD)/obj/server/main.o $(call lib,server) $(call lib,model) $(call lib,store) $(call lib,base) $(LLHTTP_OBJ)
	$(call show,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(SERVER_LIBS) $(MODEL_LIBS) $(STORE_LIBS) $(BASE_LIBS)

$(CRUMB): $(BUILD)/obj/cli/main.o $(call lib,cli) $(call lib,report) $(call lib,model) $(call lib,store) $(call lib,base)
	$(call show,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(REPORT_LIBS) $(MODEL_LIBS) $(STORE_LIBS) $(BASE_LIBS)

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(call show,CC)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/server/%.o: CPPFLAGS += $(LLHTTP_CFLAGS)

# src/web/x.css as C: web_x_css[], and WEB_X_CSS_SHA256 in base64 for a Content-Security-Policy or
# subresource integrity, and as WEB_X_CSS_VERSION its first 12 digits in hex.
web_name = $(subst .,_,$(subst -,_,$(1)))
$(BUILD)/gen/web/%.h: $(BUILD)/gen/web/%
	$(call show,GEN)
	$(Q){ printf 'static const unsigned char web_%s[] = {\n' '$(call web_name,$*)'; \
	  od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; printf '};\n'; \
	  NAME=$$(printf %s '$(call web_name,$*)' | tr a-z A-Z); hash=$$(sha256sum $< | cut -c1-64); \
	  printf '#define WEB_%s_SHA256 "%s"\n' $$NAME "$$(printf %s $$hash | tr a-f A-F | basenc --base16 -d | base64)"; \
	  printf '#define WEB_%s_VERSION "%.12s"\n' $$NAME $$hash; } >$@.tmp
	$(Q)mv $@.tmp $@

$(BUILD)/gen/web/%: src/web/%
	@mkdir -p $(@D) && cp $< $@

$(BUILD)/gen/web/%.gz: $(BUILD)/gen/web/%
	$(Q)gzip -9 -n <$< >$@

$(BUILD)/obj/server/ep_optout.o: $(patsubst %,$(BUILD)/gen/web/%.h,optout.html optout.css)
$(BUILD)/obj/cli/cmd_tag.o $(BUILD)/obj/server/ep_tag.o: $(patsubst %,$(BUILD)/gen/web/%.h,t.min.js t.min.js.gz)

# The tag as it is served, from its source; it is checked in, so that building needs no Node.
#: make tag      minifies src/web/t.js into src/web/t.min.js
TERSER := src/web/node_modules/.bin/terser
$(TERSER): src/web/package-lock.json
	cd src/web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
tag: $(TERSER)
	cd src/web && node_modules/.bin/terser t.js --config-file terser.json -o t.min.js

#: make tag-check  is src/web/t.min.js what t.js gives?
tag-check: $(TERSER)
	@mkdir -p $(BUILD)
	@cd src/web && node_modules/.bin/terser t.js --config-file terser.json -o ../../$(BUILD)/t.min.js
	@cmp $(BUILD)/t.min.js src/web/t.min.js && echo "tag: ok, $$(gzip -9 -n <src/web/t.min.js | wc -c) bytes gzipped"

$(BUILD)/obj/server/ep_live.o $(BUILD)/obj/server/live_page.o: $(patsubst %,$(BUILD)/gen/web/%.h,live.html live.css live.js report.css report.js)

$(BUILD)/obj/report/out_html.o: $(patsubst %,$(BUILD)/gen/web/%.h,report.css report.js)

# Somebody else's code: our warnings are not for it.
$(BUILD)/llhttp/%.o: $(LLHTTP_SRC)/%.c
	@mkdir -p $(@D)
	$(call show,CC)
	$(Q)$(CC) $(CFLAGS) -fPIE $(LLHTTP_CFLAGS) $(if $(SAN),-fsanitize=$(SAN)) -c -o $@ $<

# ---- unit tests: one program per tests/unit/test_*.c, linked with every layer ------------------------------------------
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
# A library, so that a test which replaces something below is not linked with a helper that needs the real one.
SUPPORT    := $(BUILD)/tests/libsupport.a
TEST_LIBS   = -lcriterion

$(SUPPORT): $(patsubst tests/support/%.c,$(BUILD)/tests/support/%.o,$(wildcard tests/support/*.c))
	@mkdir -p $(@D)
	@rm -f $@
	$(call show,AR)
	$(Q)$(AR) rcs $@ $^

$(BUILD)/tests/support/%.o: tests/support/%.c
	@mkdir -p $(@D)
	$(call show,CC)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(LLHTTP_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(call show,CC)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(LLHTTP_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Criterion's macros shadow and convert by design.
$(BUILD)/tests/test_%.o: WARN += -Wno-shadow -Wno-conversion -Wno-missing-prototypes

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(SUPPORT) $(foreach layer,cli server report model store base,$(call lib,$(layer))) $(LLHTTP_OBJ)
	$(call show,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(SERVER_LIBS) $(REPORT_LIBS) $(MODEL_LIBS) $(STORE_LIBS) $(BASE_LIBS) $(TEST_LIBS)

unit: $(UNIT_TESTS)
	@failed=0; for t in $(UNIT_TESTS); do echo "== $$t"; $$t || failed=1; done; exit $$failed

layers:
	tests/layers.sh

clean:
	rm -rf build

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: all unit layers clean format tag tag-check
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- a machine's setup, running, proving -------------------------------------------------------------------------------
# What is installed changes what the lines at the top find, so building is always left to a second make.
COUNTRY_DB := build/country.mmdb

#: make run      installs what is missing, builds, serves the demo site on http://localhost:8080
run:
	@conf/setup/packages.sh run
	@$(MAKE) --no-print-directory -j2 all $(COUNTRY_DB)
	@echo "crumb: open http://localhost:8080, and in another terminal: build/crumb tail --data data"
	@exec build/crumbd -c conf/demo.yaml

$(COUNTRY_DB): conf/setup/geo-db.sh
	@mkdir -p $(@D)
	conf/setup/geo-db.sh $@

#: make test     installs the test tools, builds, runs every test; the last line is the sum
test:
	@conf/setup/packages.sh test
	@tests/run.sh

#: make e2e      the end-to-end tests alone; make e2e TESTS=tests/e2e/http.test.js for some of them
TESTS ?=
e2e: all $(COUNTRY_DB) $(BUILD)/store_lines
	@CRUMB_BUILD=$(BUILD) tests/e2e/run.sh $(TESTS)

#: make bench-report  crumb report beside DuckDB, GoAccess and jq on the same hits
bench-report:
	@conf/setup/packages.sh bench
	@$(MAKE) --no-print-directory all $(BUILD)/store_lines
	@[ -d tests/e2e/node_modules/@duckdb ] || npm --prefix tests/e2e ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@node bench/report.mjs

#: make bench-tag  what the tag costs a page: time of its main thread, beside other trackers
bench-tag:
	@conf/setup/packages.sh test
	@node bench/tag.mjs

#: make bench-rollup  reports of a year at ten million hits a day, from rollups; 20 GB in TMPDIR, /var/tmp without
bench-rollup: all $(BUILD)/bench/rollup_year
	@conf/setup/packages.sh bench
	@bench/rollup.sh

$(BUILD)/bench/rollup_year: bench/rollup_year.c $(foreach layer,report model store base,$(call lib,$(layer)))
	@mkdir -p $(@D)
	$(call show,LINK)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(REPORT_LIBS) $(MODEL_LIBS) $(STORE_LIBS) $(BASE_LIBS)

#: make bench    crumbd beside nginx: CPU per hit, hits/s, p99, bytes per hit
bench:
	@conf/setup/packages.sh bench
	@$(MAKE) --no-print-directory -j2 all $(COUNTRY_DB)
	@bench/run.sh

# crumbd with the write of hits left out: what does the promise cost?
$(BUILD)/bench/crumbd-no-write: bench/no_write.c $(BUILD)/obj/server/main.o $(call lib,server) $(call lib,model) \
		$(call lib,store) $(call lib,base) $(LLHTTP_OBJ)
	@mkdir -p $(@D)
	$(call show,LINK)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,--wrap=fs_write_at -o $@ $^ $(SERVER_LIBS) $(MODEL_LIBS) \
		$(STORE_LIBS) $(BASE_LIBS)

#: make bench-durability  what durability: process and power cost, beside a server that writes nothing
bench-durability: all $(BUILD)/bench/crumbd-no-write
	@conf/setup/packages.sh bench
	@bench/durability.sh

#: make asan     unit and end-to-end tests under AddressSanitizer and UBSan; a leak is a failure
asan:
	@conf/setup/packages.sh test
	@tests/sanitized.sh address,undefined

#: make tsan     the thread tests and the end-to-end load tests under ThreadSanitizer
tsan:
	@conf/setup/packages.sh test
	@tests/sanitized.sh thread

# What plain programs can use: the rest of the support needs the unit test framework.
PLAIN_SUPPORT := $(filter-out %/edge.o,$(SUPPORT))
STRESS := $(patsubst tests/stress/%.c,$(BUILD)/stress/%,$(wildcard tests/stress/*.c))
stress: $(STRESS)
	@for t in $(STRESS); do echo "== $$t"; $$t || exit 1; done

# Puts given records into a data folder: for the tests and benchmarks of reports.
$(BUILD)/store_lines: tests/report/store_lines.c $(call lib,store) $(call lib,base)
	$(call show,LINK)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(STORE_LIBS) $(BASE_LIBS)

$(BUILD)/stress/%: tests/stress/%.c $(PLAIN_SUPPORT) $(foreach layer,server model store base,$(call lib,$(layer))) $(LLHTTP_OBJ)
	@mkdir -p $(@D)
	$(call show,LINK)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(LLHTTP_CFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ \
		$(SERVER_LIBS) $(MODEL_LIBS) $(STORE_LIBS) $(BASE_LIBS)

# Crash tests: each *_main program below with what they share; shim.so stands under crumbd's file calls.
CRASH_COMMON := ledger load server shim_file disk
CRASH_PARTS  := $(patsubst %,$(BUILD)/crash/%.o,$(CRASH_COMMON))
CRASH_NAMES  := $(filter-out $(CRASH_COMMON) shim,$(patsubst tests/crash/%.c,%,$(wildcard tests/crash/*.c)))
CRASH        := $(patsubst %,$(BUILD)/crash/%,$(CRASH_NAMES)) $(BUILD)/crash/shim.so
CYCLES       ?= 1000
SEED         ?= $(shell date +%s)
export CRUMB_BUILD := $(BUILD)

$(BUILD)/crash/%.o: tests/crash/%.c
	@mkdir -p $(@D)
	$(call show,CC)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/crash/%: $(BUILD)/crash/%.o $(CRASH_PARTS) $(PLAIN_SUPPORT) $(foreach layer,server model store base,$(call lib,$(layer))) $(LLHTTP_OBJ)
	$(call show,LINK)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(SERVER_LIBS) $(MODEL_LIBS) $(STORE_LIBS) $(BASE_LIBS)

$(BUILD)/crash/shim.so: tests/crash/shim.c tests/crash/shim_file.c tests/crash/shim.h
	@mkdir -p $(@D)
	$(call show,LINK)
	$(Q)$(CC) $(CPPFLAGS) -Itests -std=c11 $(CFLAGS) $(WARN) -fPIC -shared -pthread -o $@ $(filter %.c,$^)

crash-programs: all $(CRASH)

#: make crash    kills, failing calls, power cuts, full disks, damage; LONG=1 for all of it (an hour)
LONG ?=
crash: crash-programs fuzz-regression
	@LONG=$(LONG) SEED=$(SEED) tests/crash/crash.sh $(BUILD)

#: make torture  kill -9 under load, 1,000 times: CYCLES=, SEED=, and once more with durability: power
torture: crash-programs
	$(BUILD)/crash/torture --cycles $(CYCLES) --seed $(SEED)
	$(BUILD)/crash/torture --cycles $(CYCLES) --seed $(SEED) --power

# Fuzz targets. Without clang, the inputs that once broke something are run with the compiler there is.
FUZZ_NAMES := spool sealed index
FUZZ       := $(patsubst %,$(BUILD)/fuzz/replay_%,$(FUZZ_NAMES))

$(BUILD)/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.c tests/fuzz/replay.c $(call lib,store) $(call lib,base)
	@mkdir -p $(@D)
	$(call show,LINK)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(STORE_LIBS) $(BASE_LIBS)

fuzz-regression: $(FUZZ)
	@for t in $(FUZZ_NAMES); do $(BUILD)/fuzz/replay_$$t tests/fuzz/regression/$$t/* || exit 1; done

#: make fuzz     fuzzes the readers of spool, sealed files and index, SECONDS=60 each; needs clang
SECONDS ?= 60
fuzz:
	@conf/setup/packages.sh fuzz
	@tests/fuzz/fuzz.sh $(BUILD) $(SECONDS)

#: make lint     cppcheck, clang-tidy and shellcheck; a warning is an error
lint:
	@conf/setup/packages.sh lint
	@$(MAKE) --no-print-directory tidy cppcheck shellcheck

C_FILES := $(shell git ls-files 'src/*.c' 2>/dev/null)
tidy:
	@echo "clang-tidy" && printf '%s\n' $(C_FILES) | xargs -P 2 -I{} sh -c \
		'clang-tidy --quiet {} -- -std=c11 $(CPPFLAGS) -Itests $(LLHTTP_CFLAGS) 2>/dev/null'

cppcheck:
	@echo "cppcheck" && cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --error-exitcode=1 -j 2 $(filter -I% -D%,$(CPPFLAGS)) $(C_FILES)

shellcheck:
	@echo "shellcheck" && shellcheck $$(git ls-files '*.sh') .ci/run

#: make install  programs, manuals, sample config and systemd units; PREFIX (/usr/local) and DESTDIR are respected
install: all
	install -D -m 755 $(CRUMBD) $(DESTDIR)$(PREFIX)/sbin/crumbd
	install -D -m 755 $(CRUMB) $(DESTDIR)$(PREFIX)/bin/crumb
	for page in man/*.[1-8]; do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit 1; done
	install -D -m 644 conf/crumb.yaml $(DESTDIR)$(PREFIX)/share/doc/crumb/crumb.yaml
	install -D -m 755 conf/setup/geo-db.sh $(DESTDIR)$(PREFIX)/share/crumb/geo-db.sh
	for list in crawlers referrers world; do \
		install -D -m 644 conf/data/$$list.tsv $(DESTDIR)$(PREFIX)/share/crumb/$$list.tsv || exit 1; done
	install -D -m 644 conf/data/LICENSE.crawlers $(DESTDIR)$(PREFIX)/share/doc/crumb/LICENSE.crawlers
	install -D -m 644 conf/setup/geo-db.pl $(DESTDIR)$(PREFIX)/share/crumb/geo-db.pl
	@mkdir -p $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d
	for unit in crumbd.service crumb-rollup.service crumb-rollup.timer; do \
		sed 's|@PREFIX@|$(PREFIX)|' conf/setup/$$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit 1; done
	install -m 644 conf/setup/crumb.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/crumb.conf

#: make refresh-data  fetches the current lists that reports classify with; look at the difference
refresh-data:
	conf/data/refresh.sh
	git diff --stat conf/data

#: make help     this list
help:
	@sed -n 's/^#: //p' Makefile

.PHONY: run test e2e bench bench-durability bench-report bench-tag asan tsan stress tag tag-check crash-programs crash torture fuzz fuzz-regression lint tidy \
	cppcheck shellcheck install help refresh-data
