# userlock: lock states of application users, for PostgreSQL.
#
#   make, make install, make installcheck    as in any PGXS extension
#   make demo, make test, make bench         install what is missing first
#   make fuzz                                look for inputs that break the codec or the parser of SCIM
#   make dist                                make the archive for PGXN of what is committed
#   make proto                               generate src/http/zitadel_rpc.pb-c.{c,h}

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
	@bench/directory
	@bench/numbers
	@bench/http
	@bench/scim
fuzz:
	@tools/fuzz

else

# Where the sources are: here, or in a VPATH build where the Makefile is.
here := $(or $(VPATH),$(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST)))))

# The control file is the only place where the version is written by hand.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(here)/userlock.control)

# userlock_http needs protobuf-c; HTTP=no leaves it out, and so does a machine that
# has no protobuf-c.
PROTOBUF_C := $(shell $(CC) $(CPPFLAGS) -E -include protobuf-c/protobuf-c.h -x c /dev/null >/dev/null 2>&1 && echo yes)
HTTP       ?= $(or $(PROTOBUF_C),no)

EXTENSION   = userlock
MODULE_big  = userlock
OBJS        = $(CORE:%=src/core/%.o)
CORE        = module state json name type operators rules \
	caller caller_functions visibility result outcome outcome_functions arguments \
	batch document profile profile_names rights turns statements plans foreign local store account_row \
	account account_functions protection transition transition_functions undo \
	probe enforcement users_table id_change follow adoption adoption_functions api_key maintenance erasure erasure_functions monitoring
DATA_built  = sql/userlock--$(EXTVERSION).sql
# What releases had, and the ways from there; tracked, and never changed.
RELEASED    = $(patsubst $(here)/%,%,$(wildcard $(here)/sql/released/$(1)--*.sql))
DATA        = $(call RELEASED,userlock)
PG_CPPFLAGS = -I$(here)/src -DUSERLOCK_VERSION='"$(EXTVERSION)"'

ifneq ($(HTTP),no)
EXTENSION  += userlock_http
HTTP_OBJS   = src/core/json.o $(patsubst %,src/http/%.o,module request response grpc grpc_functions \
	text message_to_json json_to_message zitadel_rpc zitadel_rpc.pb-c zitadel_rpc_functions \
	scim_path scim_path_functions)
DATA_built += sql/userlock_http--$(EXTVERSION).sql
DATA       += $(call RELEASED,userlock_http)
endif

# What needs userlock_http names it, and is left out with it.
ifeq ($(HTTP),no)
NEEDS_HTTP := $(shell cd '$(here)' && grep -lsw userlock_http test/sql/*.sql test/t/*.pl)
endif
REGRESS       := $(filter-out $(NEEDS_HTTP:test/sql/%.sql=%),security type soft_input sanity account profile users transition expiry \
	many_users undo protection outcomes invalid_arguments permission privileges enforcement registration caller storage whoami events_by_hour clock \
	login adoption adoption_profile monitoring api_key http scim grpc verify retention erasure administered index_entries)
REGRESS_OPTS   = --inputdir=$(srcdir)/test --load-extension=userlock
ISOLATION      = unlock-unlock lock-block unlock-block lock-users lock-lock-users last-holder \
	delete-register register-register register-user-name expire-lock snapshot notify revoke-expire \
	unseen-lock-lock unseen-delete-lock prune-change erase-register \
	rotate-revoke lock-open-session check-rewrite check-cancelled login-lock login-unlock expire-busy refresh-statistics adopted-rows adopted-names set-profile \
	administrator-row
ISOLATION_OPTS = --inputdir=$(srcdir)/test/isolation --load-extension=userlock
TAP_TESTS      = 1
PROVE_TESTS    = $(filter-out $(NEEDS_HTTP),$(patsubst $(here)/%,%,$(wildcard $(here)/test/t/*.pl)))

EXTRA_CLEAN = tmp_check

# A VPATH build directory has no src/, sql/ and expected/ of its own.
REGRESS_PREP = superuser
ifneq ($(here),.)
REGRESS_PREP += vpath-directories
endif

# Debian's postgresql-client and libpq-dev have pg_config and PGXS, but no headers.
PG_CONFIG ?= pg_config
ifeq ($(wildcard $(shell { $(PG_CONFIG) --includedir-server; } 2>/dev/null)/postgres.h),)
$(error $(PG_CONFIG) finds no headers of a PostgreSQL server: install postgresql-server-dev-NN, NN being its version, or set PG_CONFIG)
endif
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# What the tests cannot do without: they create the extension, databases and roles.
.PHONY: superuser
superuser:
	@test "$$('$(bindir)/psql' -XAtc 'SHOW is_superuser' postgres 2>/dev/null)" != off || \
		{ echo 'make installcheck takes a superuser, who may create extensions and roles: set PGUSER' >&2; exit 1; }

ifneq ($(here),.)
.PHONY: vpath-directories
$(OBJS) $(HTTP_OBJS): | vpath-directories
# The sources of a release have the scripts already; here they are made all the same.
$(DATA_built): vpath-directories
vpath-directories:
	@$(MKDIR_P) src/core src/http sql
	@test -e expected || ln -s $(abspath $(here))/expected expected
endif

$(OBJS) $(HTTP_OBJS): $(wildcard $(here)/src/*/*.h) $(here)/userlock.control

# PGXS makes one library of several objects; this is the other.
ifneq ($(HTTP),no)
HTTP_LIBRARY = userlock_http$(DLSUFFIX)
.PHONY: install-http-library uninstall-http-library clean-http-library
all: $(HTTP_LIBRARY)
$(HTTP_LIBRARY): $(HTTP_OBJS)
	$(LINK.shared) -o $@ $(HTTP_OBJS) $(LDFLAGS) $(LDFLAGS_SL) -lprotobuf-c
install: install-http-library
install-http-library: $(HTTP_LIBRARY) installdirs
	$(INSTALL_SHLIB) $(HTTP_LIBRARY) '$(DESTDIR)$(pkglibdir)/'
uninstall: uninstall-http-library
uninstall-http-library:
	rm -f '$(DESTDIR)$(pkglibdir)/$(HTTP_LIBRARY)'
clean: clean-http-library
clean-http-library:
	rm -f $(HTTP_LIBRARY) $(HTTP_OBJS)
else
$(info userlock_http is left out: it needs protobuf-c (Debian: libprotobuf-c-dev).)
endif

# The install scripts are assembled from parts, in this order.
CORE_PARTS = core/head common/guard core/schema core/type core/operators \
	core/rules core/tables core/transition core/protection core/undo core/account core/enforcement core/caller \
	core/lockout_policy core/login core/views core/filter core/find core/maintenance core/retention core/erasure core/adoption core/monitoring core/api_key \
	core/whoami common/privileges
CONTRACTS  = $(sort $(basename $(notdir $(wildcard $(here)/sql/http/contracts/*.sql))))
# What more a contract has is in a directory beside its file, and comes first.
contract_parts = $(patsubst $(here)/sql/%.sql,%,$(sort $(wildcard $(here)/sql/http/contracts/$(1)/*.sql))) http/contracts/$(1)
HTTP_PARTS = http/head common/guard http/schema http/request http/response http/profile \
	http/grpc http/trouble $(foreach contract,$(CONTRACTS),$(call contract_parts,$(contract))) common/privileges
sql/userlock--$(EXTVERSION).sql: $(CORE_PARTS:%=$(here)/sql/%.sql)
	cat $(filter %.sql,$^) > $@
sql/userlock_http--$(EXTVERSION).sql: $(HTTP_PARTS:%=$(here)/sql/%.sql)
	cat $(filter %.sql,$^) > $@

# What Prometheus is given.
SHARE_DIR        = $(DESTDIR)$(datadir)/userlock
PROMETHEUS_FILES := $(patsubst $(here)/%,%,$(wildcard $(here)/prometheus/*.yaml))
.PHONY: install-prometheus uninstall-prometheus
install: install-prometheus
install-prometheus:
	$(MKDIR_P) '$(SHARE_DIR)/prometheus'
	$(INSTALL_DATA) $(PROMETHEUS_FILES:%='$(here)'/%) '$(SHARE_DIR)/prometheus/'
uninstall: uninstall-prometheus
uninstall-prometheus: $(if $(filter no,$(HTTP)),,uninstall-http)
	rm -rf '$(SHARE_DIR)/prometheus'
	-rmdir '$(SHARE_DIR)'

ifneq ($(HTTP),no)
# The configuration of nginx and PostgREST, what fills it in for a deployment, and the
# page of the help desk.
HTTP_FILES := $(patsubst $(here)/%,%,$(wildcard $(addprefix $(here)/,http/*.* http/*/*.* http/*/*/*.* console/*.* console/*/*.*)))
.PHONY: install-http uninstall-http
install: install-http
install-http:
	$(MKDIR_P) $(patsubst %,'$(SHARE_DIR)/%',$(sort $(dir $(HTTP_FILES))))
	for file in $(HTTP_FILES); do $(INSTALL_DATA) '$(here)'/$$file '$(SHARE_DIR)'/$$file || exit; done
	$(INSTALL_SCRIPT) '$(here)/http/render' '$(SHARE_DIR)/http/render'
uninstall: uninstall-http
uninstall-http:
	rm -rf '$(SHARE_DIR)/http' '$(SHARE_DIR)/console'
endif

# The archive has the install scripts, by which PGXN knows the extensions.
ifneq ($(HTTP),no)
DIST = userlock-$(EXTVERSION).0
.PHONY: dist
dist: $(DATA_built)
	@cd '$(here)' && test -z "$$(git status --porcelain)" || { echo 'commit first: the archive is made of what is committed' >&2; exit 1; }
	git -C '$(here)' archive --format=zip --output='$(abspath $(DIST).zip)' --prefix=$(DIST)/sql/ \
		$(foreach script,$(DATA_built),--add-file='$(abspath $(script))') --prefix=$(DIST)/ HEAD
endif

# What protoc-c makes of the .proto file is tracked: to build takes the library only.
.PHONY: proto
proto:
	cd $(here)/src/http && protoc-c --c_out=. zitadel_rpc.proto

endif
