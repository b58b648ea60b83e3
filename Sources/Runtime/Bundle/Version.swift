/// This flowdex's version, as `flowdex --version` prints it (semantic versioning 2.0.0).
public enum Version {
  /// `MAJOR.MINOR.PATCH`, without a `v`.
  public static let text = "0.1.0"
}
