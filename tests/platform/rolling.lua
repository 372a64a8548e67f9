-- One query over and over; everything that is not a 200 with data and without errors is a failure.
local body = os.getenv("ROLLING_QUERY")
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args)
  answered, failed, example = 0, 0, ""
  wrk.method, wrk.body = "POST", body
  wrk.headers["content-type"] = "application/json"
end
function response(status, headers, text)
  answered = answered + 1
  if status ~= 200 or text:find('"errors"', 1, true) or not text:find('"data"', 1, true) then
    failed = failed + 1
    if example == "" then example = status .. " " .. text:sub(1, 300) end
  end
end
function done(summary, latency, requests)
  for _, thread in ipairs(threads) do
    print(string.format("ANSWERED %d FAILED %d", thread:get("answered"), thread:get("failed")))
    print("EXAMPLE " .. thread:get("example"))
  end
  local e = summary.errors
  print(string.format("SOCKET %d", e.connect + e.read + e.write + e.timeout))
end
