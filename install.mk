# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# What stands between the build and a user: the demo, the installed copy, the tarball.

PREFIX       ?= /usr/local
prefix       ?= $(PREFIX)
bindir       ?= $(prefix)/bin
libdir       ?= $(prefix)/lib
includedir   ?= $(prefix)/include
mandir       ?= $(prefix)/share/man
pkgconfigdir ?= $(libdir)/pkgconfig
cmakedir     ?= $(libdir)/cmake/gyre
INSTALL      ?= install
OBJCOPY      ?= objcopy

# While the major version is 0, each minor version may change the ABI and so is part of the soname.
ABI     := $(if $(filter 0,$(MAJOR)),0.$(MINOR),$(MAJOR))
SONAME  := libgyre.so.$(ABI)
SHARED  := $(B)/libgyre.so.$(VERSION)
ARCHIVE := $(B)/installed/libgyre.a
MAN1    := $(sort $(wildcard docs/man/*.1))
MAN3    := $(sort $(wildcard docs/man/*.3))

.PHONY: shared archive install uninstall dist demo images deps-demo deps-check check-install check-man

ifeq ($(FLAVOR),release)
all: shared archive
endif

## shared: the shared library
shared: $(SHARED)
archive: $(ARCHIVE)

# Relocations are done at the start and their table is read-only from then on. The program, which reads files of
# others, is compiled with checks of its stack and of copies, too; the library is not: tests/hardening_cost.sh.
HARDEN_LINK := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
$(B)/gyre: LDFLAGS += $(HARDEN_LINK)
ifeq ($(FLAVOR),release)
$(TOOL_OBJ): ALL_CFLAGS += -fstack-protector-strong \
	$(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif

# nodelete: threads that have used a cache hold state of the library until they exit, so that the code
# must outlive a dlclose.
$(SHARED): $(LIB_OBJ)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,-z,nodelete -Wl,-z,defs $(HARDEN_LINK) \
	    $^ $(LIB_LIBS) -o $@

# With link-time optimisation the one object has to be machine code.
RELOCATABLE := -nostdlib -r $(if $(filter -flto%,$(CFLAGS)),-flinker-output=nolto-rel)

# Hidden symbols of an archive are hidden from the dynamic linker only: as one object, with them made
# local, the archive shows gyre_ names and nothing else.
$(ARCHIVE): $(LIB_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(RELOCATABLE) $^ -o $(@D)/gyre.o
	$(Q)$(OBJCOPY) --localize-hidden $(@D)/gyre.o
	@rm -f $@
	$(Q)$(AR) rcs $@ $(@D)/gyre.o

relative = $(shell realpath -ms --relative-to='$(1)' '$(2)')
fill_in  = sed -e 's|@prefix@|$(prefix)|g' -e 's|@libdir@|$(libdir)|g' \
    -e 's|@includedir@|$(includedir)|g' -e 's|@VERSION@|$(VERSION)|g' \
    -e 's|@MAJOR@|$(MAJOR)|g' -e 's|@MINOR@|$(MINOR)|g' -e 's|@SONAME@|$(SONAME)|g' \
    -e 's|@libs_private@|$(LIB_LIBS)|g' \
    -e 's|@cmake_to_libdir@|$(call relative,$(cmakedir),$(libdir))|g' \
    -e 's|@cmake_to_includedir@|$(call relative,$(cmakedir),$(includedir))|g'

.PHONY: abi abi-record
## abi: the shared library's ABI against the last release's with the same soname (abigail-tools)
abi: $(SHARED)
	@tests/abi/abi.sh check $(SHARED)

## abi-record: writes the ABI down as that of release VERSION
abi-record: $(SHARED)
	@tests/abi/abi.sh record $(SHARED)

## install: into DESTDIR$(PREFIX) (/usr/local): header, libraries, program, man pages, pkg-config, CMake
install: $(SHARED) $(ARCHIVE) $(B)/gyre
	$(INSTALL) -d '$(DESTDIR)$(bindir)' '$(DESTDIR)$(libdir)' '$(DESTDIR)$(includedir)' \
	    '$(DESTDIR)$(pkgconfigdir)' '$(DESTDIR)$(cmakedir)' \
	    '$(DESTDIR)$(mandir)/man1' '$(DESTDIR)$(mandir)/man3'
	$(INSTALL) -m 644 include/gyre.h '$(DESTDIR)$(includedir)/gyre.h'
	$(INSTALL) -m 644 $(ARCHIVE) '$(DESTDIR)$(libdir)/libgyre.a'
	$(INSTALL) -m 755 $(SHARED) '$(DESTDIR)$(libdir)/libgyre.so.$(VERSION)'
	ln -sf libgyre.so.$(VERSION) '$(DESTDIR)$(libdir)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(libdir)/libgyre.so'
	$(INSTALL) -m 755 $(B)/gyre '$(DESTDIR)$(bindir)/gyre'
	$(fill_in) docs/install/gyre.pc.in > '$(DESTDIR)$(pkgconfigdir)/gyre.pc'
	for f in gyreConfig gyreConfigVersion; do \
	    $(fill_in) docs/install/$$f.cmake.in > '$(DESTDIR)$(cmakedir)'/$$f.cmake || exit 1; done
	$(if $(MAN1),$(INSTALL) -m 644 $(MAN1) '$(DESTDIR)$(mandir)/man1')
	$(if $(MAN3),$(INSTALL) -m 644 $(MAN3) '$(DESTDIR)$(mandir)/man3')

## uninstall: remove what install put there
uninstall:
	rm -f '$(DESTDIR)$(includedir)/gyre.h' '$(DESTDIR)$(libdir)/libgyre.a' \
	    '$(DESTDIR)$(libdir)/libgyre.so.$(VERSION)' '$(DESTDIR)$(libdir)/$(SONAME)' \
	    '$(DESTDIR)$(libdir)/libgyre.so' '$(DESTDIR)$(bindir)/gyre' \
	    '$(DESTDIR)$(pkgconfigdir)/gyre.pc' \
	    '$(DESTDIR)$(cmakedir)/gyreConfig.cmake' '$(DESTDIR)$(cmakedir)/gyreConfigVersion.cmake'
	for page in $(MAN1:docs/man/%=man1/%) $(MAN3:docs/man/%=man3/%); do \
	    rm -f '$(DESTDIR)$(mandir)'/$$page; done
	-rmdir '$(DESTDIR)$(cmakedir)' 2>/dev/null

## dist: build/gyre-VERSION.tar.gz, from what is committed
dist:
	@mkdir -p build
	git archive --format=tar --prefix=gyre-$(VERSION)/ HEAD | gzip -9n > build/gyre-$(VERSION).tar.gz
	@echo build/gyre-$(VERSION).tar.gz

DEMO_TRACE := examples/traces/sqlite-orders.trace.zst

## demo: install what is missing, build, and replay the bundled trace: a table, and a picture
demo: deps-demo
	@$(MAKE) --no-print-directory $(B)/gyre
	@$(B)/gyre replay --plot build/demo.svg $(DEMO_TRACE)
	@echo "The picture is build/demo.svg; examples/traces/README.md says what the trace is."

## images: the pictures of docs/ anew
images: $(B)/gyre
	@mkdir -p docs/images
	$(B)/gyre replay --quiet --seed 1 --plot docs/images/sqlite-orders.svg $(DEMO_TRACE)

## deps-demo: install what building takes, where it is missing (Debian; with sudo when not root)
deps-demo:
	@tools/deps.sh demo

## deps-check: install what make check takes as well
deps-check:
	@tools/deps.sh check

## check-install: install into a temporary folder, build and run every example from there
check-install:
	tests/test_install.sh

## check-man: the man pages against gyre.h
check-man:
	tests/test_man.sh
