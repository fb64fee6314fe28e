-- One round over the same users: userlock, by hand, and the floor.
-- Variables: round, calls.
SET synchronous_commit = off;
SET search_path = public, userlock;
CREATE TEMPORARY TABLE ids AS SELECT n, 'user' || n AS id FROM generate_series(1, :calls) AS n ORDER BY n;
ANALYZE ids;
CALL bench.measure('userlock', :round, :calls, $$SELECT count(userlock.lock_user(id, 'bench')) FROM ids$$);
CALL bench.measure('handmade', :round, :calls, $$SELECT count(handmade.lock_user(id, 'bench')) FROM ids$$);
CALL bench.measure('floor', :round, :calls, $$SELECT floor.lock_users(array_agg(id ORDER BY n), 'bench') FROM ids$$);
CALL bench.measure('userlock', :round, :calls, $$SELECT count(userlock.unlock_user(id, 'bench')) FROM ids$$);
CALL bench.measure('handmade', :round, :calls, $$SELECT count(handmade.unlock_user(id, 'bench')) FROM ids$$);
CALL bench.measure('floor', :round, :calls, $$SELECT floor.unlock_users(array_agg(id ORDER BY n), 'bench') FROM ids$$);
VACUUM userlock_private.account, userlock_private.event, handmade.account, handmade.event, floor.account, floor.event;
CALL bench.measure('userlock', :round, :calls, $$SELECT count(userlock.lock_user(id, 'bench')) FROM ids$$);
CALL bench.measure('careless', :round, :calls, $$SELECT count(handmade.careless_lock_user(id, 'bench')) FROM ids$$);
CALL bench.measure('userlock', :round, :calls, $$SELECT count(userlock.unlock_user(id, 'bench')) FROM ids$$);
CALL bench.measure('careless', :round, :calls, $$SELECT count(handmade.careless_unlock_user(id, 'bench')) FROM ids$$);
VACUUM userlock_private.account, userlock_private.event, handmade.account, handmade.event, floor.account, floor.event;
