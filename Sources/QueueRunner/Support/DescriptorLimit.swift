import Glibc

/// How many files the process may have open (`ulimit -n`, getrlimit(2)).
public enum DescriptorLimit {
  /// The one that counts; what the kernel does not tell is taken for none.
  public static var soft: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return Int.max }
    return Int(clamping: limit.rlim_cur)
  }
}
