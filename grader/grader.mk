# grader.mk: how the grader is built; included by the Makefile and by that of the students' archive.

# grade is one program under two names; grader/expect/ holds the references.  Where that folder is missing, in the students'
# archive, a file of draws takes its place (grader/bank.c).
GRADER   = $(patsubst grader/%.c,build/grader/%.o,$(addprefix grader/,grade.c judge.c sandbox.c report.c task.c))
EXPECT   = $(patsubst grader/expect/%.c,build/grader/expect_%.o,$(wildcard grader/expect/*.c))
SOURCE_OF_TRUTH = $(if $(EXPECT),build/grader/table.o $(EXPECT),build/grader/bank.o)
CALLS    = $(patsubst grader/call/%.c,build/grader/call_%.o,$(wildcard grader/call/*.c))
EXERCISE_FLAGS = -std=c99 -O1 $(WARN) -D_GNU_SOURCE -D_DARWIN_C_SOURCE -I. -Igrader -Igrader/call

build/grader/%.o: grader/%.c grader/task.h grader/grade.h grader/sandbox.h grader/call/call.h
	@mkdir -p build/grader
	@echo 'cc $<'
	@$(CC) $(EXERCISE_FLAGS) -c -o $@ $<
build/grader/expect_%.o: grader/expect/%.c grader/expect/expect.h grader/task.h
	@mkdir -p build/grader
	@echo 'cc $<'
	@$(CC) $(EXERCISE_FLAGS) -c -o $@ $<
build/grader/call_%.o: grader/call/%.c grader/call/call.h autoenc.h
	@mkdir -p build/grader
	@echo 'cc $<'
	@$(CC) $(EXERCISE_FLAGS) -c -o $@ $<
build/grader/autoenc.o: autoenc.h
	@mkdir -p build/grader
	@echo 'cc autoenc.h (a few seconds)'
	@echo '#include "autoenc.h"' | $(CC) -std=c99 $(CFLAGS) -I. -DAUTOENC_IMPLEMENTATION -x c -c -o $@ -

# Can programs be linked statically here?  Then a submission needs no loader, and may open no file at all.
build/grader/static: build/grader/child.o
	@echo 'int main(void) { return 0; }' | $(CC) -x c -static -o build/grader/tried - -lm -lpthread 2>/dev/null && touch $@ || rm -f $@
	@rm -f build/grader/tried

grade: $(GRADER) $(SOURCE_OF_TRUTH) $(CALLS) build/grader/child.o build/grader/autoenc.o build/grader/static
	@$(CC) -o $@ $(GRADER) $(SOURCE_OF_TRUTH) -lm
	@ln -sf grade grade_all
	@echo './grade is ready: ./grade ex02'
