# userlock: lock states of application users, for PostgreSQL.
#
#   make, make install, make installcheck    as in any PGXS extension
#   make demo, make test, make bench         install what is missing first
#   make fuzz                                look for inputs that break the codec
#   make proto                               generate src/*.pb-c.{c,h}

# These must work where there is no PostgreSQL yet.
SETUP_GOALS = demo test bench fuzz
ifneq ($(filter $(SETUP_GOALS),$(MAKECMDGOALS)),)

.PHONY: $(SETUP_GOALS)
demo:
	@tools/demo
test:
	@tools/test
bench:
	@bench/run
	@bench/enforce
	@bench/http
fuzz:
	@tools/fuzz

else

# Where the sources are: here, or in a VPATH build where the Makefile is.
here := $(or $(VPATH),$(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST)))))

# The control file is the only place where the version is written by hand.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(here)/userlock.control)

EXTENSION   = userlock userlock_http
MODULE_big  = userlock
MODULES_SRC = userlock userlock_state userlock_json userlock_io userlock_op userlock_caller \
	userlock_outcome userlock_request userlock_store userlock_account \
	userlock_account_api userlock_transition userlock_transition_api \
	userlock_probe userlock_enforce \
	userlock_http userlock_grpc userlock_zitadel userlock_zitadel.pb-c \
	userlock_rpc_api
OBJS        = $(MODULES_SRC:%=src/%.o)
DATA_built  = sql/userlock--$(EXTVERSION).sql sql/userlock_http--$(EXTVERSION).sql
PG_CPPFLAGS = -I$(srcdir)/src -DUSERLOCK_VERSION='"$(EXTVERSION)"'
SHLIB_LINK  = -lprotobuf-c

REGRESS        = security type soft_input sanity account transition expiry \
	bulk primitive permission enforce clock login adopt monitoring api_key http grpc input verify readme
REGRESS_OPTS   = --inputdir=$(srcdir)/test --load-extension=userlock
ISOLATION      = unlock-unlock lock-block unlock-block lock-users \
	delete-register register-register expire-lock snapshot notify revoke-expire \
	rotate-revoke lock-open-session login-lock expire-busy
ISOLATION_OPTS = --inputdir=$(srcdir)/test/isolation --load-extension=userlock
TAP_TESTS      = 1
PROVE_TESTS    = test/t/*.pl

EXTRA_CLEAN = tmp_check

# A VPATH build directory has no src/, sql/ and expected/ of its own.
ifneq ($(here),.)
REGRESS_PREP = vpath-directories
endif

PG_CONFIG ?= pg_config
PGXS      := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

ifneq ($(here),.)
.PHONY: vpath-directories
$(OBJS) $(DATA_built): | vpath-directories
vpath-directories:
	@$(MKDIR_P) src sql
	@test -e expected || ln -s $(abspath $(here))/expected expected
endif

$(OBJS): $(wildcard $(srcdir)/src/*.h) $(srcdir)/userlock.control

# The install scripts are assembled from parts, in this order.
CORE_PARTS = core/head common/guard core/schema core/type core/operators \
	core/rules core/tables core/transitions core/accounts core/enforcement core/views \
	core/maintenance core/adoption core/login core/monitoring core/api_keys common/privileges
CONTRACTS  = $(sort $(basename $(notdir $(wildcard $(here)/sql/http/contracts/*.sql))))
HTTP_PARTS = http/head common/guard http/schema http/request http/response http/grpc \
	$(CONTRACTS:%=http/contracts/%) common/privileges
sql/userlock--$(EXTVERSION).sql: $(CORE_PARTS:%=$(here)/sql/%.sql)
	cat $^ > $@
sql/userlock_http--$(EXTVERSION).sql: $(HTTP_PARTS:%=$(here)/sql/%.sql)
	cat $^ > $@

# What protoc-c makes of the .proto file is tracked: to build takes the library only.
.PHONY: proto
proto:
	cd $(srcdir)/src && protoc-c --c_out=. userlock_zitadel.proto

endif
