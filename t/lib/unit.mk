# Programs of pure code: unit tests, corpus replay, fuzzers.  Called with
#   ROOT  the tree            OUT  folder of the output
#   CC    compiler            FLAGS, LINK  its options
#   KIND  unit | replay | fuzz | token

ROOMS := *
ifeq ($(KIND),token)
ROOMS := base codec token
endif

PURE  := $(sort $(wildcard $(ROOMS:%=$(ROOT)/src/%/ai_*.c)))
OBJS  := $(PURE:$(ROOT)/src/%.c=$(OUT)/%.o)
LIBS  := -ljansson -lpcre2-8 -lhiredis -lcrypto -lm

UNITS := $(patsubst $(ROOT)/t/unit/%.c,%,$(wildcard $(ROOT)/t/unit/test_*.c))
FUZZ  := $(patsubst $(ROOT)/t/fuzz/%.c,%,$(wildcard $(ROOT)/t/fuzz/fuzz_*.c))

CFLAGS := -g -Wall -Wextra -Werror -Wno-unused-parameter $(FLAGS) \
	-I$(ROOT)/src -I$(ROOT)/t/unit -I$(ROOT)/t/fuzz \
	-DT_DATA='"$(ROOT)/t/data"'

.PHONY: all
.SECONDARY:
.DELETE_ON_ERROR:

ifeq ($(KIND),unit)
PROGRAMS := $(if $(ONLY),$(ONLY),$(UNITS))
else ifeq ($(KIND),token)
PROGRAMS := token_count
else
PROGRAMS := $(if $(ONLY),$(ONLY),$(FUZZ))
endif

# A file that does not compile fails the whole at the end; until then the
# programs that do not need it are built, for those who work on other rooms.
FAILED := $(OUT)/failed

all: $(PROGRAMS:%=$(OUT)/%)
	@[ ! -s $(FAILED) ] || { echo 'failed:' $$(cat $(FAILED)); \
	    [ -n '$(ONLY)' ]; }

# the list of files, newer than the library when one came or went
LIST := $(OUT)/list
NEWS := $(shell mkdir -p $(OUT); rm -f $(OUT)/failed; \
	echo '$(CC) $(CFLAGS) $(OBJS)' | cmp -s - $(LIST) \
	|| { rm -rf $(OUT)/*/ $(OUT)/test_* $(OUT)/fuzz_* $(OUT)/token_*; \
	     echo '$(CC) $(CFLAGS) $(OBJS)' >$(LIST); })

$(OUT)/%.o: $(ROOT)/src/%.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $< \
	    || { rm -f $@; echo $(<F) >>$(FAILED); }

$(OUT)/libai.a: $(OBJS) $(LIST)
	@rm -f $@
	@ar rcs $@ $$(ls $(OBJS) 2>/dev/null)

$(OUT)/test_%: $(ROOT)/t/unit/test_%.c $(OUT)/libai.a
	@$(CC) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(OUT)/libai.a \
	    $(LINK) $(LIBS)

$(OUT)/token_%: $(ROOT)/t/token/%.c $(OUT)/libai.a
	@$(CC) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(OUT)/libai.a \
	    $(LINK) $(LIBS)

ifeq ($(KIND),replay)
MAIN := $(ROOT)/t/fuzz/replay.c
endif

$(OUT)/fuzz_%: $(ROOT)/t/fuzz/fuzz_%.c $(OUT)/libai.a $(MAIN)
	@$(CC) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(MAIN) \
	    $(OUT)/libai.a $(LINK) $(LIBS)

-include $(OBJS:.o=.d) $(wildcard $(OUT)/test_*.d $(OUT)/fuzz_*.d \
	$(OUT)/token_*.d)
