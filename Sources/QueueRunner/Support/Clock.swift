import Glibc

/// The one source of time. `Sendable` and injected, so that a test owns it.
public protocol WallClock: Sendable {
  /// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds (POSIX `CLOCK_REALTIME`).
  func nowMs() -> Int64
  /// Milliseconds since the machine booted, sleep included (`CLOCK_BOOTTIME`); never goes back.
  func bootMs() -> Int64
  /// Names the boot that `bootMs` counts from (`/proc/sys/kernel/random/boot_id`).
  func bootId() -> String
  /// Called before times of a run are told or compared.
  ///
  /// - Throws: a `FlowdexError` where the clock cannot be read: a boot that it took for another would make flowdex take
  ///   leases for run out, and processes that run for gone.
  func prepare() throws
}

extension WallClock {
  /// A clock that needs nothing.
  public func prepare() throws {}
}

/// The machine's clocks.
public struct SystemClock: WallClock {
  private static let boot = Guarded<String?>(nil)

  /// Every value of it tells the same time.
  public init() {}
  /// Can jump either way when somebody sets the clock.
  public func nowMs() -> Int64 { Self.read(CLOCK_REALTIME) }
  /// Nobody can set it.
  public func bootMs() -> Int64 { Self.read(CLOCK_BOOTTIME) }
  /// Read once in a process; `unknown` where /proc is not there, or could not be read and `prepare` was not called.
  public func bootId() -> String { (try? Self.readBoot()) ?? Self.unknown }
  /// Reads what `bootId` says.
  public func prepare() throws { _ = try Self.readBoot() }

  private static let unknown = "unknown"

  private static func readBoot() throws -> String {
    try boot.withLock { known in
      if let known { return known }
      let path = "/proc/sys/kernel/random/boot_id"
      let descriptor = FileSystem.retrying { open(path, O_RDONLY | O_CLOEXEC) }
      if descriptor < 0 {
        // These will be so the next time too, and for whoever else looks.
        guard [ENOENT, ENOTDIR, EACCES, EPERM].contains(errno) else { throw FileSystem.failure("read", path) }
        known = unknown
        return unknown
      }
      defer { close(descriptor) }
      let bytes = try FileSystem.readAll(descriptor, path, limitBytes: 4096)
      let read = String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
      known = read
      return read
    }
  }

  private static func read(_ id: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(id, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}

/// RFC 3339 UTC with milliseconds, and back.
public enum Timestamp {
  /// `2026-11-23T15:36:01.123Z`.
  public static func text(_ ms: Int64) -> String {
    let days = floorDivide(ms, 86_400_000)
    let rest = Int(ms - days * 86_400_000)
    let date = civil(days)
    return pad(date.year, 4) + "-" + pad(date.month, 2) + "-" + pad(date.day, 2) + "T"
      + pad(rest / 3_600_000, 2) + ":" + pad(rest / 60_000 % 60, 2) + ":" + pad(rest / 1000 % 60, 2)
      + "." + pad(rest % 1000, 3) + "Z"
  }

  /// Milliseconds since 1970 of a time as `text` writes it; nil for any other text.
  public static func ms(_ text: String) -> Int64? {
    let parts = text.split { !$0.isNumber }.compactMap { Int64($0) }
    guard parts.count == 7, (1...12).contains(parts[1]) else { return nil }
    // Years from March, so that a leap day is the last of its year.
    let year = parts[1] <= 2 ? parts[0] - 1 : parts[0]
    let era = floorDivide(year, 400)
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * ((parts[1] + 9) % 12) + 2) / 5 + parts[2] - 1
    let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    let seconds = days * 86_400 + parts[3] * 3600 + parts[4] * 60 + parts[5]
    let ms = seconds * 1000 + parts[6]
    return self.text(ms) == text ? ms : nil
  }

  private static func pad(_ value: Int, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }

  private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
    a >= 0 ? a / b : -((-a + b - 1) / b)
  }

  /// Days since 1970-01-01 to a proleptic Gregorian date, counting in 400-year eras that begin on 1 March.
  private static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = Int(days) + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
