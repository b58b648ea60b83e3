// How long a run may still take, from how it went lately. Fair rather than bold: a run that stands still is not said to
// be nearly done, and before there is anything to go by there is no number.

/// A guess from the pace of the last minutes.
public enum Estimate {
  /// Fewer ends than this say nothing.
  public static let leastEnds = 3

  /// How far to look back: a quarter of the run's time, between one and ten minutes, and never to before its start.
  ///
  /// - Returns: milliseconds.
  public static func windowMs(elapsedMs: Int64) -> Int64 {
    min(max(elapsedMs, 1), max(60_000, min(600_000, elapsedMs / 4)))
  }

  /// The time that the tasks that are open now take at the pace of the window; nil where there is no telling.
  public static func remainingMs(ends: Int, windowMs: Int64, open: Int) -> Int64? {
    if open <= 0 || ends < leastEnds { return nil }
    return Int64((Double(open) * Double(windowMs) / Double(ends)).rounded())
  }
}
