import Glibc

/// Whether a file system tells of changes (inotify), by its type: `statfs(2)` `f_type`.
///
/// A network or FUSE mount tells of what this machine does and is silent about everybody else, so that a test
/// with a file of one's own proves nothing; what is not known to tell is asked instead.
public enum FileSystemKind: Sendable, Equatable {
  /// Local: every change is told.
  case watchable
  /// Changes made behind the mount are not told; its name.
  case silent(String)
  /// Tells of changes made through this mount, not of those in the layers below; its name.
  case partial(String)
  /// Not in our tables, or the path could not be looked at.
  case unknown

  /// The kind of the file system that holds the path.
  public static func of(_ path: String) -> FileSystemKind { type(of: path).map(of(type:)) ?? .unknown }

  /// `f_type`; nil if the path cannot be looked at.
  ///
  /// Swift's Glibc leaves `sys/vfs.h` out, so the function is found by its name. Its structure begins with
  /// `f_type`, a machine word, and is 120 bytes long on the machines that Swift knows.
  static func type(of path: String) -> UInt32? {
    typealias Statfs = @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<Int>) -> Int32
    guard let symbol = dlsym(nil, "statfs64") else { return nil }
    let statfs = unsafeBitCast(symbol, to: Statfs.self)
    var words = [Int](repeating: 0, count: 64)
    let code = FileSystem.retrying { words.withUnsafeMutableBufferPointer { statfs(path, $0.baseAddress!) } }
    return code == 0 ? UInt32(truncatingIfNeeded: words[0]) : nil
  }

  /// The magic numbers are those of statfs(2) and the kernel's `magic.h`.
  static func of(type: UInt32) -> FileSystemKind {
    if local.contains(type) { return .watchable }
    if let name = silent[type] { return .silent(name) }
    if let name = layered[type] { return .partial(name) }
    return .unknown
  }

  private static let local: Set<UInt32> = [
    0xEF53,  // ext2, ext3, ext4
    0x5846_5342,  // xfs
    0x9123_683E,  // btrfs
    0x0102_1994,  // tmpfs
    0xF2F5_2010,  // f2fs
    0x2FC1_2FC1,  // zfs
    0xCA45_1A4E,  // bcachefs
    0x8584_58F6,  // ramfs
    0x3153_464A,  // jfs
    0x5265_4973,  // reiserfs
    0x3434,  // nilfs2
    0x4D44,  // vfat
    0x2011_BAB0,  // exfat
    0x7366_746E,  // ntfs3
    0x482B, 0x4244,  // hfsplus, hfs
    0x1501_3346,  // udf
    0x2405_1905,  // ubifs
    0x72B6,  // jffs2
  ]

  private static let silent: [UInt32: String] = [
    0x6969: "nfs", 0x517B: "smb", 0xFF53_4D42: "cifs", 0xFE53_4D42: "smb2", 0x6573_5546: "fuse",
    0x0102_1997: "9p", 0x00C3_6400: "ceph", 0x5346_414F: "afs", 0x6B41_4653: "afs", 0x7375_7245: "coda",
    0x7461_636F: "ocfs2", 0x0116_1970: "gfs2", 0x0BD0_0BD0: "lustre", 0x4750_4653: "gpfs",
    0x786F_4256: "vboxsf", 0xBACB_ACBC: "vmhgfs",
  ]

  private static let layered: [UInt32: String] = [
    0x794C_7630: "overlay", 0x6175_6673: "aufs", 0xF15F: "ecryptfs",
  ]
}
