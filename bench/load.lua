-- load.lua - what wrk sends: the requests in the file named by the first argument, in turn, as they are.
-- Prints one line of JSON when it is done.

local requests = {}
local n = 0

function init(args)
   local file = assert(io.open(args[1], "rb"))
   while true do
      local size = file:read("*n", "*l")
      if not size then break end
      requests[#requests + 1] = file:read(size)
   end
   file:close()
end

function request()
   n = n % #requests + 1
   return requests[n]
end

function done(summary, latency)
   local e = summary.errors
   print(string.format('{"hits":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"errors":%d}', summary.requests,
      summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
      e.connect + e.read + e.write + e.status + e.timeout))
end
