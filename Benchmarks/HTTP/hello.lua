function done(summary, latency)
  io.write(string.format("RATE %.1f P50 %.2f P99 %.2f ERRORS %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
