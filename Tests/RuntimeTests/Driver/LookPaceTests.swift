import Testing

@testable import Runtime

@Suite("how often a watcher looks at everything")
struct LookPaceTests {
  @Test(
    "3 s while something happens; idle, four hundred times what a look takes; never late for an expiry",
    arguments: [
      (isPolling: false, isIdle: false, tookMs: Int64(100), expiryInMs: Int64?.none, expected: Int64(3000)),
      (false, true, 0, nil, 3000), (false, true, 50, nil, 20_000), (false, true, 1000, nil, 30_000),
      (false, true, 50, 4000, 4000), (false, false, 0, 200, 200), (false, true, 50, -5, 0),
      (true, true, 1000, nil, 250),
    ])
  func pace(isPolling: Bool, isIdle: Bool, tookMs: Int64, expiryInMs: Int64?, expected: Int64) {
    #expect(
      LookPace.next(isPolling: isPolling, isIdle: isIdle, tookMs: tookMs, expiryInMs: expiryInMs) == expected)
  }
}
