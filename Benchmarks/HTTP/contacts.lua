-- The requests of the HTTP benchmark for wrk. The first argument after -- is create or get; KEY and IDS come from the environment.
local key = os.getenv("KEY")
local headers = { ["Authorization"] = "Bearer " .. key, ["Content-Type"] = "application/json" }
local mode, counter, ids, run = "get", 0, {}, os.getenv("RUN") or "0"
local bad = 0

function init(arguments)
  mode = arguments[1] or mode
  for id in (os.getenv("IDS") or ""):gmatch("%S+") do ids[#ids + 1] = id end
end

function request()
  counter = counter + 1
  if mode == "create" then
    local body = string.format(
      '{"email":"person%s-%d@example.com","phone":null,"firstName":"Jane","lastName":"Doe","tags":["vip","newsletter"],'
      .. '"customFields":{"company":"Acme Corp","plan":"enterprise","seats":%d,"signupDate":"2025-11-13"},"marketingConsent":{"email":true}}',
      run, counter, counter % 100)
    return wrk.format("POST", "/v1/contacts", headers, body)
  end
  return wrk.format("GET", "/v1/contacts/" .. ids[counter % #ids + 1], headers)
end

function done(summary, latency)
  io.write(string.format("RATE %.1f P50 %.2f P99 %.2f ERRORS %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
