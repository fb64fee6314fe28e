-- What wrk sends: one kind of request, on a new user each time.
-- Arguments: KIND FIRST, FIRST being the number of the first user.

local kind, number
local token = "Bearer " .. os.getenv("OPERATOR_TOKEN")
local json = { Authorization = token, ["Content-Type"] = "application/json" }

local requests = {
  select_1 = function() return wrk.format("POST", "/rpc/select_1", json, "{}") end,
  get = function() return wrk.format("GET", "/rpc/user_status?user_id=" .. number % 100000 + 1, json) end,
  exact = function()
    return wrk.format("POST", "/rpc/find_users", json, '{"filter": {"user_name": "NAME' .. number % 100000 + 1 .. '"}}')
  end,
  page = function()
    return wrk.format("POST", "/rpc/find_users", json, '{"filter": {"user_id": {"after": "' .. number % 90000 + 1 .. '"}}}')
  end,
  unlock_user = function() return wrk.format("POST", "/rpc/unlock_user", json, '{"user_id": "' .. number .. '"}') end,
  zitadel_v2 = function() return wrk.format("POST", "/v2/users/" .. number .. "/unlock", json, "{}") end,
  zitadel_v1 = function() return wrk.format("POST", "/management/v1/users/" .. number .. "/_unlock", json, "{}") end,
  guardhouse = function()
    return wrk.format("PATCH", "/api/v1/users/" .. number .. "/unblock", json,
      '{"triggerWebhook": false, "notifyUserViaEmail": false, "unblockedByUserId": 9001}')
  end,
  monocloud = function()
    return wrk.format("POST", "/api/users/" .. number .. "/unblock", { ["X-API-KEY"] = os.getenv("MONOCLOUD_API_KEY") })
  end,
  xekout = function()
    local uuid = string.format("00000000-0000-4000-8000-%012d", number)
    return wrk.format("POST", "/v1/admin/tenant/user/revoke/" .. uuid, { Authentication = token })
  end,
}

function init(arguments)
  kind, number = arguments[1], tonumber(arguments[2])
end

function request()
  number = number + 1
  return requests[kind]()
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("rate %.1f requests %d failed %d\n", summary.requests / summary.duration * 1e6, summary.requests,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
