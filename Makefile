# autoenc.h itself needs no make: it is one file.  This builds the lessons, the tests and the benchmarks.
# GNU Make 3.81 is enough.

CC      ?= cc
CFLAGS  ?= -O2
LDLIBS   = -lm -lpthread
PREFIX  ?= /usr/local
WARN     = -Wall -Wextra

SOURCES  = $(wildcard lessons/lesson[0-9][0-9]_*.c)
LESSONS  = $(sort $(foreach f,$(notdir $(SOURCES)),$(firstword $(subst _, ,$(f)))))
SHARED   = autoenc.h $(wildcard lessons/*.h) data/strokes.h
TESTS    = $(patsubst tests/%.c,build/%,$(wildcard tests/test_*.c))
SCRIPTS  = $(wildcard tests/test_*.sh)
LONG     = $(wildcard tests/long_*.sh)

# Where a test may find real data and reference numbers; empty is fine.
export AUTOENC_DATA AUTOENC_SHARED CC

.PHONY: FORCE help deps data lessons test test-long bits verify verify-full pages bench growth web site gpu-check gpu-bench plots handout teacher doctor dist install uninstall clean

# The teacher's archive has this Makefile without the lessons: then only the exercises are spoken of.
help:
ifeq ($(SOURCES),)
	@echo 'make grade        the grader: then ./grade ex02, or ./grade_all SUBMISSIONS/'
	@echo 'make handout      the exercises for students, without solutions, in dist/'
	@echo 'make doctor       what this machine has, and what to do about the rest'
	@echo 'README.md says the rest.'
else
	@echo 'make lesson00     a first look, nothing to download: then run ./lesson00'
	@echo 'make lesson03     any lesson by its number: then ./lesson03 --quick, or ./lesson03 --help'
	@echo 'make lessons      all of them: $(LESSONS)'
	@echo 'make data         get the MNIST digits and the EMNIST letters into data/'
	@echo 'make deps         install compiler, make, gnuplot, perl, clang and pandoc by the package manager'
	@echo 'make plots        draw the pictures of earlier runs under out/ (needs gnuplot)'
	@echo 'make test         the tests that everybody runs; make test-long: those that take minutes'
	@echo 'make bits         one table: the same bits from every compiler, level, kernel and number of threads at hand'
	@echo 'make verify       do the numbers on the pages come true here?  The quick modes; make verify-full: all the others'
	@echo 'make pages        write numbers and listings into the pages of the lessons again'
	@echo 'make bench        our training and PyTorch, side by side; BENCH=--setup installs PyTorch in an environment of its own'
	@echo 'make growth       how time and memory grow with batch, width, depth and size of the image, measured and drawn'
	@echo 'make web          out/web/latent.html: the latent spaces of lessons 03, 06 and 07 in the browser (needs clang for WebAssembly)'
	@echo 'make site         out/site/: these pages as a website that needs no network (needs pandoc)'
	@echo 'make gpu-check    with an NVIDIA card: the tests on it, and the sanitizers of CUDA; make gpu-bench: times beside PyTorch'
	@echo 'make grade        the grader of exercises/: then ./grade ex02; teachers: ./grade_all SUBMISSIONS/'
	@echo 'make handout      the exercises for students, without solutions; make teacher: with them; both in dist/'
	@echo 'make doctor       what this machine has, and what to do about the rest; put it into a bug report'
	@echo 'make dist         the release as an archive, the same to the byte each time'
	@echo 'make install      autoenc.h to $$(DESTDIR)$$(PREFIX)/include, PREFIX = $(PREFIX)'
	@echo 'make clean        remove what was built; data/ and out/ stay'
	@echo 'Settings: CC=clang CFLAGS="-O3 -march=native" CUDA=1'
endif

# ---- lessons ----

# CUDA=1 puts the object for NVIDIA cards on the link line; the lesson's source and object are the same.  Where nvcc is missing, or
# make is asked without CUDA=1, nothing of it is mentioned or built.
NVCC      ?= nvcc
CUDA_ARCH ?= all-major
NVCCFLAGS  = -O3 --fmad=false -ftz=true -arch=$(CUDA_ARCH) -Xcompiler -fno-threadsafe-statics,-fno-exceptions,-fno-rtti
ifdef CUDA
NVCC_PATH := $(shell command -v $(NVCC) 2>/dev/null)
ifeq ($(NVCC_PATH),)
CUDA_NOTE = @echo 'CUDA=1: $(NVCC) is not installed; this builds for the processor.'
else
CUDA_HOME  ?= $(patsubst %/bin/nvcc,%,$(realpath $(NVCC_PATH)))
CUDA_OBJECT = build/autoenc_cuda.o
CUDA_LIBS   = -L$(CUDA_HOME)/lib64 -Wl,-rpath,$(CUDA_HOME)/lib64 -lcublas -lcudart_static -ldl -lrt
build/autoenc_cuda.o: autoenc_cuda.cu autoenc.h
	@mkdir -p build
	$(NVCC) $(NVCCFLAGS) -c -o $@ $<
endif
endif

# Says what the lessons were last linked with; it changes only when that does, and then they are linked anew.
build/device: FORCE
	@mkdir -p build; echo '$(CUDA_OBJECT)' | cmp -s - $@ || echo '$(CUDA_OBJECT)' > $@
FORCE: ;

# lesson03 is made of lessons/lesson03_*.c: one file, one program, at the root.
define lesson_rule
$(1): $(wildcard lessons/$(1)_*.c) $(SHARED) $(CUDA_OBJECT) build/device
	$$(CUDA_NOTE)
	$$(CC) $$(CFLAGS) $$(WARN) $$(CPPFLAGS) -o $$@ $$< $$(CUDA_OBJECT) $$(LDFLAGS) $$(LDLIBS) $$(CUDA_LIBS)
endef
$(foreach l,$(LESSONS),$(eval $(call lesson_rule,$(l))))

$(SOURCES): ;

lesson%:
	@echo 'There is no $@. The lessons are: $(LESSONS)'; exit 2

lessons: $(LESSONS)

# ---- what lessons need ----

deps:
	@SUDO=; [ "$$(id -u)" = 0 ] || SUDO='sudo '; \
	if   command -v apt-get >/dev/null; then set -- "$${SUDO}apt-get install -y gcc g++ make gnuplot-nox perl clang libclang-rt-dev curl pandoc"; \
	elif command -v dnf     >/dev/null; then set -- "$${SUDO}dnf install -y gcc gcc-c++ make gnuplot-minimal perl-Test-Harness clang compiler-rt curl pandoc"; \
	elif command -v pacman  >/dev/null; then set -- "$${SUDO}pacman -S --needed --noconfirm gcc make gnuplot perl clang compiler-rt curl pandoc-cli"; \
	elif command -v brew    >/dev/null; then set -- "brew install make gnuplot perl pandoc"; \
	else echo 'No apt-get, dnf, pacman or brew here: install gcc, make, gnuplot, perl and clang yourself.'; exit 3; fi; \
	echo "$$1"; $$1

data:
	@sh data/get_data.sh

# A line of plots.tsv: script, data, picture, and further arguments of the script.
plots:
	@command -v gnuplot >/dev/null || { echo 'gnuplot is not installed; make deps installs it.'; exit 3; }
	@ls out/*/plots.tsv >/dev/null 2>&1 || echo 'No run under out/ yet.'
	@tab=$$(printf '\t'); set -f; for dir in $(patsubst %/plots.tsv,%,$(wildcard out/*/plots.tsv)); do \
	  while read -r line; do \
	    IFS="$$tab"; set -- $$line; unset IFS; script=$$1; in=$$2; png=$$3; shift 3; \
	    echo "$$dir/$$png"; gnuplot -c "plots/$$script.gp" "$$dir/$$in" "$$dir/$$png" "$$@" || exit 3; \
	  done < "$$dir/plots.tsv"; done

# ---- tests ----

build/%: tests/%.c $(SHARED) $(wildcard tests/*.h)
	@mkdir -p build
	$(CC) $(CFLAGS) $(WARN) $(CPPFLAGS) -I. -o $@ $< $(LDFLAGS) $(LDLIBS)

test: $(TESTS)
	@command -v prove >/dev/null || { echo 'prove is not installed (it comes with perl); make deps installs it.'; exit 3; }
	@[ -n "$(TESTS)$(SCRIPTS)" ] || { echo 'There are no tests here.'; exit 3; }
	@status=0; \
	$(if $(TESTS),prove --exec '' $(TESTS) || status=1;) \
	$(if $(SCRIPTS),prove --exec sh $(SCRIPTS) || status=1;) \
	exit $$status

test-long: test
	@$(if $(LONG),prove --exec sh $(LONG),echo 'There are no long tests yet.')

bits:
	@sh tests/long_bits.sh

verify:
	@perl lessons/verify.pl --quick

verify-full:
	@perl lessons/verify.pl --full

pages:
	@perl lessons/pages.pl

bench:
	@python3 bench/run.py $(BENCH) && perl bench/table.pl

growth:
	@sh bench/growth.sh

web:
	@perl web/build.pl

site:
	@perl site/build.pl

gpu-check:
	@command -v $(NVCC) >/dev/null || { echo 'gpu-check is for a machine with an NVIDIA card and $(NVCC).'; exit 3; }
	@CUDA_ARCH=native prove -v --exec sh tests/gpu_check.sh

gpu-bench:
	@command -v $(NVCC) >/dev/null || { echo 'gpu-bench is for a machine with an NVIDIA card and $(NVCC).'; exit 3; }
	@$(MAKE) lessons CUDA=1 CUDA_ARCH=native
	@python3 bench/gpu.py

# ---- exercises and the grader ----

include grader/grader.mk

# The students' archive: stubs, the grader without its references, and a file of draws in their place.  The teacher's: all of
# it, and the solutions.  Both are the same to the byte each time: times, owners and order are fixed
# (by GNU tar: TAR=gtar on macOS).
DIST     ?= dist
TAR      ?= tar
EX_FILES  = $(sort $(wildcard exercises/ex*.c))
TAR_SAME  = LC_ALL=C $(TAR) --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01 00:00Z' --format=ustar -cf -
build/grader/mkbank: build/grader/mkbank.o build/grader/task.o build/grader/table.o $(EXPECT)
	$(CC) -o $@ $^ -lm

handout: build/grader/mkbank
	@rm -rf $(DIST)/.build; mkdir -p $(DIST) $(DIST)/.build/autoenc-exercises/exercises $(DIST)/.build/autoenc-exercises/grader/call
	@to=$(DIST)/.build/autoenc-exercises; \
	for f in $(EX_FILES); do perl exercises/split.pl stub $$f > $$to/$$f || exit 1; done; \
	cp exercises/README.md exercises/Makefile.students $$to/; mv $$to/Makefile.students $$to/Makefile; cp autoenc.h LICENSE $$to/; \
	cp grader/grade.[ch] grader/judge.c grader/sandbox.[ch] grader/report.c grader/task.[ch] grader/bank.c grader/child.c grader/grader.mk $$to/grader/; \
	cp grader/call/* $$to/grader/call/; build/grader/mkbank $$to/grader/draws.bank && \
	( cd $(DIST)/.build && $(TAR_SAME) autoenc-exercises ) | gzip -9n > $(DIST)/autoenc-exercises.tar.gz && rm -rf $(DIST)/.build
	@echo '$(DIST)/autoenc-exercises.tar.gz: for students'

teacher:
	@rm -rf $(DIST)/.build; mkdir -p $(DIST) $(DIST)/.build/autoenc-teacher/solutions
	@to=$(DIST)/.build/autoenc-teacher; \
	for f in $(EX_FILES); do perl exercises/split.pl solution $$f > $$to/solutions/$${f#exercises/} || exit 1; done; \
	mkdir -p $$to/packaging $$to/tests && cp packaging/doctor.sh $$to/packaging/ && cp -R tests/grader tests/test_grader.sh tests/tap.sh $$to/tests/ && \
	cp -R exercises grader Makefile autoenc.h LICENSE teacher $$to/ && cp teacher/README.md $$to/README.md && \
	( cd $(DIST)/.build && $(TAR_SAME) autoenc-teacher ) | gzip -9n > $(DIST)/autoenc-teacher.tar.gz && rm -rf $(DIST)/.build
	@echo '$(DIST)/autoenc-teacher.tar.gz: for teachers, with the solutions'

# ---- the library ----

VERSION  := $(shell sed -n 's/^.define AE_VERSION "\(.*\)"$$/\1/p' autoenc.h)
INCLUDED  = $(DESTDIR)$(PREFIX)/include
PC        = $(DESTDIR)$(PREFIX)/share/pkgconfig
CMAKE_DIR = $(DESTDIR)$(PREFIX)/share/cmake/autoenc

# The header; what pkg-config says of it; what CMake's find_package(autoenc) reads.  A header belongs to no architecture: share/.
install:
	mkdir -p $(INCLUDED) $(PC) $(CMAKE_DIR)
	cp autoenc.h $(INCLUDED)/autoenc.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' packaging/autoenc.pc.in > $(PC)/autoenc.pc
	cp packaging/autoenc-config.cmake $(CMAKE_DIR)/autoenc-config.cmake
	sed -e 's|@VERSION@|$(VERSION)|' packaging/autoenc-config-version.cmake.in > $(CMAKE_DIR)/autoenc-config-version.cmake
	chmod 644 $(INCLUDED)/autoenc.h $(PC)/autoenc.pc $(CMAKE_DIR)/autoenc-config.cmake $(CMAKE_DIR)/autoenc-config-version.cmake

uninstall:
	rm -f $(INCLUDED)/autoenc.h $(PC)/autoenc.pc $(CMAKE_DIR)/autoenc-config.cmake $(CMAKE_DIR)/autoenc-config-version.cmake
	-rmdir $(CMAKE_DIR) 2>/dev/null

# What is committed, under its version, with the time of its commit: the same bytes from every clone.
dist:
	@git rev-parse HEAD >/dev/null 2>&1 || { echo 'make dist works in a clone: it packs what is committed.'; exit 3; }
	@git diff --quiet HEAD || echo 'Some changes are not committed: they are not in the archive.'
	@mkdir -p $(DIST); git -c tar.umask=0022 archive --format=tar --prefix=autoenc-$(VERSION)/ HEAD | gzip -9n > $(DIST)/autoenc-$(VERSION).tar.gz
	@cd $(DIST) && { command -v sha256sum >/dev/null && sha256sum autoenc-$(VERSION).tar.gz || shasum -a 256 autoenc-$(VERSION).tar.gz; }

doctor:
	@CC='$(CC)' sh packaging/doctor.sh

clean:
	rm -rf build dist $(LESSONS) grade grade_all
